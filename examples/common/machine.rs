//! What this machine is called, and by which address the broker sees it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

/// The name of this machine, as the command `hostname` prints it.
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// The address by which this machine reaches `host`.
///
/// When `host` is unknown or out of reach this is 127.0.0.1: the program is about to connect there, and that error says
/// more than one about an address.
pub fn address_towards(host: &str, port: u16) -> IpAddr {
    local_address(host, port).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Connecting a UDP socket sends nothing: the system only chooses the route, and with it the local address.
fn local_address(host: &str, port: u16) -> io::Result<IpAddr> {
    let mut last_error = io::ErrorKind::NotFound.into();
    for remote in (host, port).to_socket_addrs()? {
        let any: SocketAddr = match remote {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let local = UdpSocket::bind(any).and_then(|socket| socket.connect(remote).and_then(|()| socket.local_addr()));
        match local {
            Ok(local) => return Ok(local.ip()),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_from_loopback() {
        assert_eq!(address_towards("127.0.0.1", 1883), IpAddr::V4(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn an_unknown_host_gives_loopback() {
        assert_eq!(address_towards("", 1883), IpAddr::V4(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn the_machine_has_a_name() {
        assert!(!host_name().is_empty());
    }
}
