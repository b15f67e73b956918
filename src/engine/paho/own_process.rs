//! Tells whether a loopback connection comes from this very process.

use std::net::SocketAddr;

/// Whether the socket at `peer` that is connected to our `local` address belongs to this process.
///
/// On Linux the proof is the socket's inode, found in `/proc/self/net/tcp` and among `/proc/self/fd`. Without `/proc`,
/// and on other systems, an unprivileged process has no such proof: there every loopback connection is taken.
#[cfg(target_os = "linux")]
pub(super) fn is_own(peer: SocketAddr, local: SocketAddr) -> bool {
    use std::fs;
    use std::sync::Once;

    let (table, descriptors) = match (fs::read_to_string("/proc/self/net/tcp"), fs::read_dir("/proc/self/fd")) {
        (Ok(table), Ok(descriptors)) => (table, descriptors),
        (Err(error), _) | (_, Err(error)) => {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                log::warn!(
                    "/proc cannot be read ({error}) and the temporary directory holds no socket: Paho's connection \
                     inside this process is not told from one that another program of this machine makes in the \
                     few milliseconds it takes; mount /proc, or use Engine::Native"
                );
            });
            return true;
        }
    };
    let Some(inode) = inode_of(&table, peer, local) else {
        return false;
    };
    let wanted = format!("socket:[{inode}]");
    descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str() == wanted.as_str())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_own(_peer: SocketAddr, _local: SocketAddr) -> bool {
    true
}

/// The inode in the row of `/proc/net/tcp` whose own address is `from` and whose remote address is `to`.
#[cfg(any(target_os = "linux", test))]
fn inode_of(table: &str, from: SocketAddr, to: SocketAddr) -> Option<&str> {
    let (from, to) = (hex(from)?, hex(to)?);
    table.lines().skip(1).find_map(|row| {
        let mut fields = row.split_ascii_whitespace();
        (fields.nth(1)? == from && fields.next()? == to).then(|| fields.nth(6))?
    })
}

/// An IPv4 address as `/proc/net/tcp` writes it: the address in the machine's byte order, then the port.
#[cfg(any(target_os = "linux", test))]
fn hex(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else {
        return None;
    };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    const TABLE: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:C350 0100007F:075B 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 20 4 30 10 -1
";

    #[test]
    #[cfg(target_endian = "little")]
    fn finds_the_row_of_a_connection() {
        let client = "127.0.0.1:50000".parse().expect("an address");
        let server = "127.0.0.1:1883".parse().expect("an address");
        assert_eq!(inode_of(TABLE, client, server), Some("222"));
        assert_eq!(inode_of(TABLE, server, client), None);
    }

    #[test]
    fn a_connection_of_this_process_is_recognised() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (server, peer) = listener.accept()?;
        assert!(is_own(peer, server.local_addr()?));
        drop(client);
        Ok(())
    }
}
