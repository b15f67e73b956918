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
use crate::types::Result;

/// A pipe, with what is spoken on it.
#[derive(Debug)]
pub(crate) enum Wire {
    /// Nothing: bytes go as they are.
    Clear(Pipe),
}

impl Wire {
    /// Agrees with the other side on what `plan` asks for.
    pub(crate) fn open(pipe: Pipe, _plan: &Plan) -> Result<Self> {
        Ok(Wire::Clear(pipe))
    }

    /// Whether bytes wait for the pipe.
    pub(crate) fn wants_write(&self) -> bool {
        match self {
            Wire::Clear(_) => false,
        }
    }

    /// Whether it may hold bytes that the pipe no longer has.
    pub(crate) fn holds_bytes(&self) -> bool {
        match self {
            Wire::Clear(_) => false,
        }
    }

    /// Nothing more is written: has the layer say so, as far as the pipe takes it.
    pub(crate) fn say_goodbye(&mut self) {
        match self {
            Wire::Clear(_) => {}
        }
    }

    pub(crate) fn pipe(&self) -> &Pipe {
        match self {
            Wire::Clear(pipe) => pipe,
        }
    }

    pub(crate) fn pipe_mut(&mut self) -> &mut Pipe {
        match self {
            Wire::Clear(pipe) => pipe,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Clear(pipe) => pipe.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Clear(pipe) => pipe.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Wire::Clear(pipe) => pipe.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Clear(pipe) => pipe.flush(),
        }
    }
}
