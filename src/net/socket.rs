//! A socket, and what is known of its readiness.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use crate::mqtt::SendBuffer;
use crate::net::quick_acks::QuickAcks;
use crate::net::tuning;

/// The broker's socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    readable: bool,
    writable: bool,
    /// The other side has closed its half: reads go on until they say so.
    read_closed: bool,
    quick_acks: QuickAcks,
}

/// What a read brought.
pub(crate) enum Got {
    Nothing,
    Bytes(usize),
    End(io::Error),
}

impl Socket {
    /// Takes over a connection and has it watched.
    pub(crate) fn new(stream: std::net::TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        tuning::bound_what_waits(&SockRef::from(&stream))?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Socket { stream, readable: true, writable: true, read_closed: false, quick_acks: QuickAcks::default() })
    }

    /// The system says that the socket is ready.
    pub(crate) fn ready(&mut self, event: &Event) {
        self.read_closed |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.read_closed;
        self.writable |= event.is_writable() || event.is_error();
    }

    /// The next read asks the system whatever it has said.
    pub(crate) fn look_again(&mut self) {
        self.readable = true;
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Got {
        if !self.readable {
            return Got::Nothing;
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    return Got::End(io::Error::new(ErrorKind::UnexpectedEof, "the other side closed the connection"));
                }
                Ok(count) => {
                    if tuning::ACKNOWLEDGES {
                        self.quick_acks.read();
                    }
                    // On Linux, less than was asked for means that there is no more, unless it is the end.
                    self.readable = count == buffer.len() || self.read_closed || !cfg!(target_os = "linux");
                    return Got::Bytes(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Got::Nothing;
                }
                Err(error) => return Got::End(error),
            }
        }
    }

    /// Writes what the socket takes; `Ok(true)` when it took something.
    pub(crate) fn write(&mut self, out: &mut SendBuffer) -> io::Result<bool> {
        if !self.writable || out.is_empty() {
            return Ok(false);
        }
        let before = out.len();
        self.writable = out.write_to(&mut self.stream)?;
        let wrote = out.len() != before;
        if wrote {
            self.quick_acks.wrote();
        }
        Ok(wrote)
    }

    /// Has the system give up a peer that has acknowledged nothing for so long.
    pub(crate) fn give_up_after(&self, patience: Duration) {
        // A system that refuses keeps its own patience.
        let _ = tuning::give_up_after(&SockRef::from(&self.stream), patience);
    }

    /// Has the system acknowledge what was read, if it is time.
    pub(crate) fn acknowledge(&mut self, now: Instant) {
        if self.quick_acks.take_due(now) {
            // A system that refuses acknowledges in its own time.
            let _ = tuning::acknowledge(&SockRef::from(&self.stream));
        }
    }

    /// When [`acknowledge`](Self::acknowledge) must be called next.
    pub(crate) fn next_acknowledgement(&self) -> Option<Instant> {
        self.quick_acks.next()
    }

    /// Nothing more is sent. A side that is gone already needs no closing.
    pub(crate) fn shut_down(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
