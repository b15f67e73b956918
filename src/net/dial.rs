//! Makes the connection to the broker: name, addresses in turn, within a time limit.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::types::{Error, Result};

/// Connects to `host`, trying all its addresses in turn until `deadline`.
///
/// Resolving a name may take longer than any deadline: callers do this on a thread they need not wait for.
pub(crate) fn dial(host: &str, port: u16, deadline: Instant) -> Result<TcpStream> {
    let addresses = resolve(host, port)?;
    let mut last = io::Error::from(ErrorKind::TimedOut);
    for (position, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - position) as u32;
        if share < Duration::from_millis(1) {
            break;
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                log::debug!("{address} ({host}): {error}");
                last = error;
            }
        }
    }
    Err(Error::Unreachable { host: host.to_owned(), port, cause: Arc::new(last) })
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let not_found = |cause| Error::NameNotFound { host: host.to_owned(), cause: Arc::new(cause) };
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(not_found)?.collect();
    if addresses.is_empty() {
        return Err(not_found(io::Error::new(ErrorKind::NotFound, "the name has no address")));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn reaches_a_listener() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        assert!(dial("127.0.0.1", listener.local_addr()?.port(), soon()).is_ok());
        Ok(())
    }

    #[test]
    fn says_what_failed() {
        assert!(matches!(dial("127.0.0.1", 1, soon()), Err(Error::Unreachable { port: 1, .. })));
        assert!(matches!(dial("no-such-name.invalid", 1883, soon()), Err(Error::NameNotFound { .. })));
    }
}
