//! What the bytes of MQTT go over: the pipe itself, or what is spoken on it.

use std::io::{Read, Write};

use crate::net::Plan;
use crate::net::pipe::Pipe;
#[cfg(feature = "tls")]
use crate::net::tls_wire::TlsWire;
#[cfg(feature = "websockets")]
use crate::net::websocket::WebSocket;
use crate::types::{Result, Transport};

/// A pipe, with what is spoken on it.
pub(crate) type Wire = Box<dyn Layer>;

/// What is spoken on a pipe, such as TLS, or the pipe itself.
///
/// It is made in [`open`], blocking, on the thread of the attempt, within the attempt's time limit: whatever has to be
/// agreed first is agreed there. What follows is driven by the network's thread, and a layer keeps to this:
///
/// - `read` gives bytes while it holds any, whether or not the pipe has more, and `WouldBlock` only when neither has;
/// - `write` takes bytes, sends what the pipe takes of them and keeps the rest; while it keeps too much, it takes none and
///   says `WouldBlock`;
/// - `flush` sends all that it keeps, also what nobody has written, such as an answer to the other side's layer; what does not
///   go now is `WouldBlock`.
///
/// What a layer has to say about a failure, in the user's words, is an [`Error`](crate::types::Error) within the
/// [`io::Error`](std::io::Error); `connect` then fails with it.
pub(crate) trait Layer: Read + Write + Send {
    fn pipe(&self) -> &Pipe;

    fn pipe_mut(&mut self) -> &mut Pipe;

    /// Whether it keeps bytes for the pipe.
    fn wants_write(&self) -> bool;

    /// Whether it may hold bytes that the pipe no longer has, or of which nobody tells that they are there.
    fn holds_bytes(&self) -> bool;

    /// Grows whenever something of MQTT has come, be it a part of what a layer needs before it can give it.
    fn heard(&self) -> u64 {
        self.pipe().received()
    }

    /// Nothing more is written: says so to the other side, as far as the pipe takes it.
    fn say_goodbye(&mut self);
}

/// Nothing is spoken on it: bytes go as they are.
impl Layer for Pipe {
    fn pipe(&self) -> &Pipe {
        self
    }

    fn pipe_mut(&mut self) -> &mut Pipe {
        self
    }

    fn wants_write(&self) -> bool {
        false
    }

    fn holds_bytes(&self) -> bool {
        Pipe::holds_bytes(self)
    }

    fn say_goodbye(&mut self) {}
}

/// Agrees with the other side on what `plan` asks for.
pub(crate) fn open(pipe: Pipe, plan: &Plan) -> Result<Wire> {
    if plan.route.recorder.is_some() {
        return Ok(Box::new(pipe));
    }
    let wire: Wire = match &plan.route.tls {
        None => Box::new(pipe),
        #[cfg(feature = "tls")]
        Some(context) => Box::new(TlsWire::open(pipe, context, plan)?),
        #[cfg(not(feature = "tls"))]
        Some(context) => context.absurd(),
    };
    match plan.route.transport {
        #[cfg(feature = "websockets")]
        Transport::WebSockets => Ok(Box::new(WebSocket::open(wire, plan)?)),
        #[cfg(not(feature = "websockets"))]
        transport @ Transport::WebSockets => Err(crate::types::Error::TransportNotAvailable { transport }),
        Transport::Tcp | Transport::Unix => Ok(wire),
    }
}
