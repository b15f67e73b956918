//! The broker's end as the network's thread sees it: bytes in, bytes out, and what is known of its readiness.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Registry, Token};

use crate::mqtt::SendBuffer;
use crate::net::quick_acks::QuickAcks;
use crate::net::wire::Wire;
use crate::types::language;

/// The broker's socket. Dropping it closes it.
pub(crate) struct Socket {
    wire: Wire,
    readable: bool,
    writable: bool,
    /// The other side has closed its half: reads go on until they say so.
    read_closed: bool,
    /// Bytes of MQTT are on their way through a layer, which the pipe has not taken yet.
    behind: bool,
    quick_acks: QuickAcks,
}

/// What a read brought.
pub(crate) enum Got {
    Nothing,
    /// So many bytes of MQTT; none where what came was a layer's own, or only a part of what it needs.
    Bytes(usize),
    End(io::Error),
}

impl Socket {
    /// Takes over a connection and has it watched.
    pub(crate) fn new(mut wire: Wire, registry: &Registry, token: Token) -> io::Result<Self> {
        wire.pipe_mut().watch(registry, token)?;
        Ok(Socket {
            wire,
            readable: true,
            writable: true,
            read_closed: false,
            behind: false,
            quick_acks: QuickAcks::default(),
        })
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
        if !self.readable && !self.holds_bytes() {
            return Got::Nothing;
        }
        let before = self.wire.heard();
        loop {
            match self.wire.read(buffer) {
                Ok(0) => {
                    let says =
                        language().pick("the other side closed the connection", "l'autre côté a fermé la connexion");
                    return Got::End(io::Error::new(ErrorKind::UnexpectedEof, says));
                }
                Ok(count) => {
                    self.note_read();
                    // On Linux, less than was asked for means that there is no more, unless it is the end.
                    let is_all = count < buffer.len() && !self.read_closed && cfg!(target_os = "linux");
                    self.readable = !is_all || self.wire.holds_bytes();
                    return Got::Bytes(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    if self.wire.heard() == before {
                        return Got::Nothing;
                    }
                    self.note_read();
                    return Got::Bytes(0);
                }
                Err(error) => return Got::End(error),
            }
        }
    }

    fn note_read(&mut self) {
        if self.wire.pipe().acknowledges() {
            self.quick_acks.read();
        }
    }

    /// Writes what the socket takes; `Ok(true)` when it took bytes of MQTT.
    pub(crate) fn write(&mut self, out: &mut SendBuffer) -> io::Result<bool> {
        if !self.writable || (out.is_empty() && !self.holds_back()) {
            return Ok(false);
        }
        let (waiting, sent) = (out.len(), self.wire.pipe().sent());
        self.writable = out.write_to(&mut self.wire)? && self.flush()?;
        let (took, moved) = (out.len() != waiting, self.wire.pipe().sent() != sent);
        if moved {
            self.quick_acks.wrote();
        }
        let wrote = took || (self.behind && moved);
        self.behind = (self.behind || took) && self.holds_back();
        Ok(wrote)
    }

    /// Has a layer send what it keeps; `Ok(false)` when the pipe takes no more for now.
    fn flush(&mut self) -> io::Result<bool> {
        loop {
            match self.wire.flush() {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether there is something to read of which the system does not tell.
    pub(crate) fn holds_bytes(&self) -> bool {
        self.wire.pipe().holds_bytes()
    }

    /// Whether a layer keeps bytes that the pipe has not taken yet.
    pub(crate) fn holds_back(&self) -> bool {
        self.wire.wants_write()
    }

    /// Has the system give up a peer that has acknowledged nothing for so long.
    pub(crate) fn give_up_after(&self, patience: Duration) {
        self.wire.pipe().give_up_after(patience);
    }

    /// Has the system acknowledge what was read, if it is time.
    pub(crate) fn acknowledge(&mut self, now: Instant) {
        if self.quick_acks.take_due(now) {
            self.wire.pipe().acknowledge();
        }
    }

    /// When [`acknowledge`](Self::acknowledge) must be called next.
    pub(crate) fn next_acknowledgement(&self) -> Option<Instant> {
        self.quick_acks.next()
    }

    /// Nothing more is sent.
    pub(crate) fn shut_down(&mut self) {
        self.wire.say_goodbye();
        self.wire.pipe().shut_down();
    }
}
