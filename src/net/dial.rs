//! Makes the connection to the broker: name, addresses in turn, within a time limit.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(unix)]
use socket2::SockAddr;
use socket2::{Domain, Protocol, Socket, Type};

use crate::net::pipe::{Pipe, next_wait};
#[cfg(not(unix))]
use crate::types::Transport;
use crate::types::{Bind, Error, Result, language};

/// The shortest time limit that a system knows.
const SHORTEST: Duration = Duration::from_millis(1);

/// Connects to `host`, trying all its addresses in turn until `deadline`.
///
/// Resolving a name may take longer than any deadline: callers do this on a thread they need not wait for.
pub(crate) fn tcp(host: &str, port: u16, bind: Bind, deadline: Instant) -> Result<Pipe> {
    let addresses = resolve(host, port)?;
    let pipe = connect_to_one(&addresses, bind, deadline).and_then(|stream| Pipe::tcp(stream, deadline));
    pipe.map_err(|cause| Error::Unreachable { host: host.to_owned(), port, cause: Arc::new(cause) })
}

/// Connects to the Unix socket at `path`.
#[cfg(unix)]
pub(crate) fn unix(path: &str, deadline: Instant) -> Result<Pipe> {
    let connect = || {
        let (socket, address) = (Socket::new(Domain::UNIX, Type::STREAM, None)?, SockAddr::unix(path)?);
        loop {
            // Where the broker is slow to accept, this wait ends with the socket's time limit for writing.
            socket.set_write_timeout(Some(next_wait(deadline).ok_or(ErrorKind::TimedOut)?))?;
            match socket.connect(&address) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                outcome => return outcome.map(|()| Pipe::unix(socket.into(), deadline)),
            }
        }
    };
    connect().map_err(|cause| Error::SocketUnreachable { path: path.to_owned(), cause: Arc::new(cause) })
}

#[cfg(not(unix))]
pub(crate) fn unix(_: &str, _: Instant) -> Result<Pipe> {
    Err(Error::TransportNotAvailable { transport: Transport::Unix })
}

/// Connects to the first address that answers. Each gets its share of the time that is left, so that a dead one does not
/// take that of those behind it. The error is that of the last one.
fn connect_to_one(addresses: &[SocketAddr], bind: Bind, deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::from(ErrorKind::TimedOut);
    for (position, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - position) as u32;
        if share < SHORTEST {
            break;
        }
        match connect(address, bind, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                log::debug!("{address}: {error}");
                last = error;
            }
        }
    }
    Err(last)
}

fn connect(address: &SocketAddr, bind: Bind, limit: Duration) -> io::Result<TcpStream> {
    if bind.is_free() {
        return TcpStream::connect_timeout(address, limit);
    }
    let from = bind.towards(address.ip()).ok_or(ErrorKind::AddrNotAvailable)?;
    let socket = Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))?;
    // The connection before may have left the port in TIME_WAIT. Elsewhere the option would let two programs share one.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&from.into())?;
    socket.connect_timeout(&(*address).into(), limit)?;
    Ok(socket.into())
}

/// All addresses of a name, as the system orders them.
pub(crate) fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let not_found = |cause| Error::NameNotFound { host: host.to_owned(), cause: Arc::new(cause) };
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(not_found)?.collect();
    if addresses.is_empty() {
        let says = language().pick("the name has no address", "ce nom n'a pas d'adresse");
        return Err(not_found(io::Error::new(ErrorKind::NotFound, says)));
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
        assert!(tcp("127.0.0.1", listener.local_addr()?.port(), Bind::default(), soon()).is_ok());
        Ok(())
    }

    #[test]
    fn says_what_failed() {
        let dial = |host, port| tcp(host, port, Bind::default(), soon());
        assert!(matches!(dial("127.0.0.1", 1), Err(Error::Unreachable { port: 1, .. })));
        assert!(matches!(dial("no-such-name.invalid", 1883), Err(Error::NameNotFound { .. })));
    }

    #[test]
    fn a_dead_address_leaves_time_for_the_next() -> std::io::Result<()> {
        // A listener whose queue is full does not answer.
        let dead = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        dead.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        dead.listen(0)?;
        let silent = dead.local_addr()?.as_socket().ok_or(ErrorKind::AddrNotAvailable)?;
        let mut fill = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&silent, Duration::from_millis(200)) {
            fill.push(stream);
            assert!(fill.len() < 100, "the queue never fills");
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let living = listener.local_addr()?;
        let stream = connect_to_one(&[silent, silent, living], Bind::default(), soon())?;
        assert_eq!(stream.peer_addr()?, living);
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn a_unix_socket_that_accepts_nothing_takes_no_longer_than_the_limit() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("full.sock");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        listener.bind(&SockAddr::unix(&path)?)?;
        listener.listen(0)?;
        let path = path.to_str().ok_or(ErrorKind::InvalidData)?;
        let dial = || unix(path, Instant::now() + Duration::from_millis(20));
        let mut fill = Vec::new();
        let full = loop {
            match dial() {
                Ok(pipe) => fill.push(pipe),
                Err(error) => break error,
            }
            assert!(fill.len() < 100, "the queue never fills");
        };
        assert!(matches!(&full, Error::SocketUnreachable { .. }), "{full:?}");
        Ok(())
    }
}
