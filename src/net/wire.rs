//! What the bytes of MQTT go over: the pipe itself, or what is spoken on it.
//!
//! A layer over the pipe, such as TLS, is a variant of [`Wire`]. It is made in [`Wire::open`], blocking, on the thread of
//! the attempt, within the attempt's time limit: whatever has to be agreed first is agreed there. What follows is driven by
//! the network's thread, and a layer keeps to this:
//!
//! - `read` gives bytes while it holds any, whether or not the pipe has more, and `WouldBlock` only when neither has;
//! - `write` takes bytes, sends what the pipe takes of them and keeps the rest; while it keeps too much, it takes none and
//!   says `WouldBlock`;
//! - `flush` sends all that it keeps, also what nobody has written, such as an answer to the other side's layer; what does not
//!   go now is `WouldBlock`;
//! - `wants_write` says whether it keeps anything.
//!
//! What a layer has to say about a failure, in the user's words, is an [`Error`](crate::types::Error) within the
//! [`io::Error`]; `connect` then fails with it.

use std::io::{self, IoSlice, Read, Write};

use crate::net::Plan;
use crate::net::pipe::Pipe;
#[cfg(feature = "tls")]
use crate::net::tls_wire::TlsWire;
#[cfg(feature = "websockets")]
use crate::net::websocket::WebSocket;
use crate::types::{Result, Transport};

/// A pipe, with what is spoken on it.
#[derive(Debug)]
pub(crate) enum Wire {
    /// Nothing: bytes go as they are.
    Clear(Pipe),
    #[cfg(feature = "tls")]
    Tls(TlsWire),
    /// Over one of the others.
    #[cfg(feature = "websockets")]
    WebSocket(Box<WebSocket>),
}

impl Wire {
    /// Agrees with the other side on what `plan` asks for.
    pub(crate) fn open(pipe: Pipe, plan: &Plan) -> Result<Self> {
        if plan.route.recorder.is_some() {
            return Ok(Wire::Clear(pipe));
        }
        let wire = match &plan.route.tls {
            None => Wire::Clear(pipe),
            #[cfg(feature = "tls")]
            Some(context) => Wire::Tls(TlsWire::open(pipe, context, plan)?),
            #[cfg(not(feature = "tls"))]
            Some(context) => context.absurd(),
        };
        match plan.route.transport {
            #[cfg(feature = "websockets")]
            Transport::WebSockets => Ok(Wire::WebSocket(Box::new(WebSocket::open(wire, plan)?))),
            #[cfg(not(feature = "websockets"))]
            transport @ Transport::WebSockets => Err(crate::types::Error::TransportNotAvailable { transport }),
            Transport::Tcp | Transport::Unix => Ok(wire),
        }
    }

    /// Whether bytes wait for the pipe.
    pub(crate) fn wants_write(&self) -> bool {
        match self {
            Wire::Clear(_) => false,
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.wants_write(),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.wants_write(),
        }
    }

    /// Whether it may hold bytes that the pipe no longer has.
    pub(crate) fn holds_bytes(&self) -> bool {
        match self {
            Wire::Clear(pipe) => pipe.holds_bytes(),
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.holds_bytes(),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(_) => true,
        }
    }

    /// Nothing more is written: has the layer say so, as far as the pipe takes it.
    pub(crate) fn say_goodbye(&mut self) {
        match self {
            Wire::Clear(_) => {}
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.say_goodbye(),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.say_goodbye(),
        }
    }

    /// Grows whenever something of MQTT has come, be it a part of what a layer needs before it can give it.
    pub(crate) fn heard(&self) -> u64 {
        match self {
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.heard(),
            _ => self.pipe().received(),
        }
    }

    pub(crate) fn pipe(&self) -> &Pipe {
        match self {
            Wire::Clear(pipe) => pipe,
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.pipe(),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.wire().pipe(),
        }
    }

    pub(crate) fn pipe_mut(&mut self) -> &mut Pipe {
        match self {
            Wire::Clear(pipe) => pipe,
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.pipe_mut(),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.wire_mut().pipe_mut(),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Clear(pipe) => pipe.read(buffer),
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.read(buffer),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Clear(pipe) => pipe.write(bytes),
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.write(bytes),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Wire::Clear(pipe) => pipe.write_vectored(slices),
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.write_vectored(slices),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Clear(pipe) => pipe.flush(),
            #[cfg(feature = "tls")]
            Wire::Tls(tls) => tls.flush(),
            #[cfg(feature = "websockets")]
            Wire::WebSocket(socket) => socket.flush(),
        }
    }
}
