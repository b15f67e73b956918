//! What carries bytes: a TCP connection, a Unix socket, or the memory of this program.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};
use socket2::SockRef;

use crate::mqtt::MemoryBroker;
use crate::net::tuning;
use crate::sync::lock;

/// A connection of the system's. Dropping it closes it.
///
/// It is made blocking, with a time limit, for the thread that makes the connection and what has to be agreed on it;
/// [`watch`](Self::watch) makes it non-blocking, for the network's thread.
#[derive(Debug)]
pub(crate) struct Pipe {
    stream: Stream,
    /// Until when reads and writes wait; `None` once it is watched, when they never do.
    deadline: Option<Instant>,
    received: u64,
    sent: u64,
}

#[derive(Debug)]
enum Stream {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Unix(mio::net::UnixStream),
    Recorder(Arc<Mutex<dyn MemoryBroker>>),
}

impl Pipe {
    /// Reads and writes wait until `deadline` and then fail with [`ErrorKind::TimedOut`].
    pub(crate) fn tcp(stream: std::net::TcpStream, deadline: Instant) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Pipe::new(Stream::Tcp(mio::net::TcpStream::from_std(stream)), deadline))
    }

    /// As [`tcp`](Self::tcp), for a Unix socket.
    #[cfg(unix)]
    pub(crate) fn unix(stream: std::os::unix::net::UnixStream, deadline: Instant) -> Self {
        Pipe::new(Stream::Unix(mio::net::UnixStream::from_std(stream)), deadline)
    }

    /// A connection to a broker in memory, which never waits.
    pub(crate) fn recorder(broker: &Arc<Mutex<dyn MemoryBroker>>) -> Self {
        lock(broker).connect();
        Pipe { stream: Stream::Recorder(Arc::clone(broker)), deadline: None, received: 0, sent: 0 }
    }

    fn new(stream: Stream, deadline: Instant) -> Self {
        Pipe { stream, deadline: Some(deadline), received: 0, sent: 0 }
    }

    /// Has the pipe watched: from here on, nothing waits.
    pub(crate) fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.deadline = None;
        if let Some(socket) = self.socket() {
            socket.set_nonblocking(true)?;
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        match &mut self.stream {
            Stream::Tcp(stream) => {
                tuning::bound_what_waits(&SockRef::from(&*stream))?;
                registry.register(stream, token, interest)
            }
            #[cfg(unix)]
            Stream::Unix(stream) => registry.register(stream, token, interest),
            Stream::Recorder(_) => Ok(()),
        }
    }

    /// Whether reads and writes wait: it is not watched yet.
    #[cfg(feature = "tls")]
    pub(crate) fn waits(&self) -> bool {
        self.deadline.is_some()
    }

    /// Bytes that have come, ever.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Bytes that have gone, ever.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether its bytes leave this machine.
    pub(crate) fn leaves_the_machine(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => match (stream.local_addr(), stream.peer_addr()) {
                (Ok(local), Ok(peer)) => is_elsewhere(local.ip(), peer.ip()),
                _ => false,
            },
            #[cfg(unix)]
            Stream::Unix(_) => false,
            Stream::Recorder(_) => false,
        }
    }

    /// Whether it holds bytes of which nobody tells that they are there.
    pub(crate) fn holds_bytes(&self) -> bool {
        match &self.stream {
            Stream::Recorder(broker) => lock(broker).has_more(),
            _ => false,
        }
    }

    /// Whether the system's acknowledgements can be asked for.
    pub(crate) fn acknowledges(&self) -> bool {
        tuning::ACKNOWLEDGES && self.is_tcp()
    }

    /// Has the system acknowledge what was read.
    pub(crate) fn acknowledge(&self) {
        if let (true, Some(socket)) = (self.is_tcp(), self.socket()) {
            // A system that refuses acknowledges in its own time.
            let _ = tuning::acknowledge(&socket);
        }
    }

    /// Has the system give up a peer that has acknowledged nothing for so long.
    pub(crate) fn give_up_after(&self, patience: Duration) {
        if let (true, Some(socket)) = (self.is_tcp(), self.socket()) {
            // A system that refuses keeps its own patience.
            let _ = tuning::give_up_after(&socket, patience);
        }
    }

    /// Nothing more is sent. A side that is gone already needs no closing.
    pub(crate) fn shut_down(&self) {
        if let Some(socket) = self.socket() {
            let _ = socket.shutdown(Shutdown::Write);
        }
    }

    fn is_tcp(&self) -> bool {
        matches!(self.stream, Stream::Tcp(_))
    }

    /// The system's part of it, where there is one.
    fn socket(&self) -> Option<SockRef<'_>> {
        match &self.stream {
            Stream::Tcp(stream) => Some(SockRef::from(stream)),
            #[cfg(unix)]
            Stream::Unix(stream) => Some(SockRef::from(stream)),
            Stream::Recorder(_) => None,
        }
    }

    /// Moves bytes; before the pipe is watched, waits for them until the deadline.
    fn transfer(&mut self, mut act: impl FnMut(&mut Stream) -> io::Result<usize>) -> io::Result<usize> {
        use ErrorKind::{Interrupted, TimedOut, WouldBlock};
        let Some(deadline) = self.deadline else {
            return act(&mut self.stream);
        };
        loop {
            let wait = next_wait(deadline).ok_or(ErrorKind::TimedOut)?;
            if let Some(socket) = self.socket() {
                socket.set_read_timeout(Some(wait))?;
                socket.set_write_timeout(Some(wait))?;
            }
            match act(&mut self.stream) {
                Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
                outcome => return outcome,
            }
        }
    }
}

/// How long the system is to wait next, `None` when `deadline` has come. A long wait of a socket may end an eighth of it too
/// late (Linux), so it is made in parts.
pub(crate) fn next_wait(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    // Less than a system counts in would be no limit at all.
    let wait = if left > Duration::from_secs(1) { left * 7 / 8 } else { left.max(Duration::from_millis(1)) };
    (!left.is_zero()).then_some(wait)
}

/// Whether a connection from `local` to `peer` leads to another machine.
fn is_elsewhere(local: IpAddr, peer: IpAddr) -> bool {
    let (local, peer) = (local.to_canonical(), peer.to_canonical());
    !peer.is_loopback() && peer != local
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.transfer(|stream| match stream {
            Stream::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(buffer),
            Stream::Recorder(broker) => lock(broker).give(buffer).ok_or(ErrorKind::WouldBlock.into()),
        })?;
        self.received += count as u64;
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let count = self.transfer(|stream| match stream {
            Stream::Tcp(stream) => stream.write_vectored(slices),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write_vectored(slices),
            Stream::Recorder(broker) => {
                let mut broker = lock(broker);
                slices.iter().for_each(|slice| broker.take(slice));
                Ok(slices.iter().map(|slice| slice.len()).sum())
            }
        })?;
        self.sent += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    /// A pipe, and its other end.
    fn pair(limit: Duration) -> io::Result<(Pipe, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        Ok((Pipe::tcp(stream, Instant::now() + limit)?, listener.accept()?.0))
    }

    #[test]
    fn another_machine_is_elsewhere() -> io::Result<()> {
        let elsewhere = |local: &str, peer: &str| match (local.parse(), peer.parse()) {
            (Ok(local), Ok(peer)) => is_elsewhere(local, peer),
            other => panic!("{other:?}"),
        };
        for peer in ["10.10.10.23", "fe80::2", "::ffff:10.10.10.23"] {
            assert!(elsewhere("10.10.10.7", peer), "{peer}");
        }
        for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.10.10.7", "::ffff:10.10.10.7"] {
            assert!(!elsewhere("10.10.10.7", peer), "{peer}");
        }
        assert!(!pair(Duration::from_secs(60))?.0.leaves_the_machine());
        Ok(())
    }

    #[test]
    fn before_it_is_watched_it_waits_until_its_deadline() -> io::Result<()> {
        let (mut pipe, _silent) = pair(Duration::from_millis(20))?;
        assert_eq!(pipe.read(&mut [0; 8]).map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
        assert_eq!(pipe.write(b"late").map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
        Ok(())
    }

    #[test]
    fn once_it_is_watched_it_waits_for_nothing_and_counts() -> io::Result<()> {
        let (mut pipe, mut other) = pair(Duration::from_secs(60))?;
        other.write_all(b"hello")?;
        let mut buffer = [0; 8];
        pipe.read_exact(&mut buffer[..5])?;
        pipe.write_all(b"bye")?;
        assert_eq!((&buffer[..5], pipe.received(), pipe.sent()), (&b"hello"[..], 5, 3));
        let poll = mio::Poll::new()?;
        pipe.watch(poll.registry(), Token(0))?;
        assert_eq!(pipe.read(&mut buffer).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        Ok(())
    }
}
