//! WebSocket (RFC 6455) as a stream of bytes: what MQTT writes becomes binary messages, and the bytes of the binary messages
//! that come are MQTT again, however they are cut (MQTT 5, section 6).

mod opening;

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Message, Utf8Bytes};

use crate::net::Plan;
use crate::net::pipe::Pipe;
use crate::net::wire::{Layer, Wire};
use crate::types::{Error, Result, language, tell};

/// The most bytes that become one message.
const LARGEST: usize = 64 * 1024;

/// A WebSocket over a pipe, or over what is spoken on it.
pub(crate) struct WebSocket {
    socket: tungstenite::WebSocket<Wire>,
    /// What is left to be read of the last message.
    rest: Bytes,
    /// Something has not gone yet: the end of a message, or an answer to a ping.
    unsent: bool,
    /// Grows whenever something of MQTT has come, be it a part of a message; what the server pings is not MQTT.
    heard: u64,
    /// The server pinged, or answered a ping, since MQTT read last.
    pinged: bool,
    /// Where to, for errors.
    host: String,
    port: u16,
}

impl WebSocket {
    /// Opens a WebSocket over `wire`, as `plan` says.
    pub(crate) fn open(wire: Wire, plan: &Plan) -> Result<Self> {
        let socket = opening::open(wire, plan)?;
        Ok(WebSocket {
            socket,
            rest: Bytes::new(),
            unsent: false,
            heard: 0,
            pinged: false,
            host: plan.host.clone(),
            port: plan.port,
        })
    }

    fn wire(&self) -> &Wire {
        self.socket.get_ref()
    }

    fn close(&mut self, code: CloseCode) {
        let _ = self.socket.close(Some(CloseFrame { code, reason: Utf8Bytes::default() }));
    }

    /// The next message that is for MQTT.
    fn next(&mut self) -> io::Result<Bytes> {
        loop {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => return Ok(bytes),
                // The crate has its answer ready.
                Ok(Message::Ping(_)) => {
                    self.pinged = true;
                    self.send()?;
                }
                Ok(Message::Pong(_) | Message::Frame(_)) => self.pinged = true,
                Ok(Message::Text(_)) => {
                    self.close(CloseCode::Unsupported);
                    let problem = tell!(
                        language(),
                        "the server sent text, and MQTT is binary; is it an MQTT broker?",
                        "le serveur a envoyé du texte, et MQTT est binaire ; est-ce un broker MQTT ?"
                    );
                    return Err(self.failed(ErrorKind::InvalidData, problem));
                }
                Ok(Message::Close(frame)) => {
                    // Its answer; who has said so does not wait for it.
                    let _ = self.send();
                    return Err(self.closed(frame));
                }
                Err(error) => return Err(self.broken(error)),
            }
        }
    }

    /// Sends what waits; what does not go now goes later.
    fn send(&mut self) -> io::Result<()> {
        match self.flush() {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            outcome => outcome,
        }
    }

    fn failed(&self, kind: ErrorKind, problem: String) -> io::Error {
        io::Error::new(kind, Error::WebSocket { host: self.host.clone(), port: self.port, problem })
    }

    /// The server has ended the WebSocket in order.
    fn closed(&self, frame: Option<CloseFrame>) -> io::Error {
        let why = frame.map(|frame| format!(" ({} {})", u16::from(frame.code), frame.reason).replace(" )", ")"));
        let why = why.unwrap_or_default();
        let problem = tell!(language(), "the server closed it{why}", "le serveur l'a fermé{why}");
        self.failed(ErrorKind::ConnectionAborted, problem)
    }

    /// What the crate says, as the network's thread hears it.
    fn broken(&self, error: tungstenite::Error) -> io::Error {
        match error {
            tungstenite::Error::Io(error) => error,
            tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
                ErrorKind::UnexpectedEof.into()
            }
            error => self.failed(ErrorKind::InvalidData, error.to_string()),
        }
    }
}

impl Layer for WebSocket {
    fn pipe(&self) -> &Pipe {
        self.wire().pipe()
    }

    fn pipe_mut(&mut self) -> &mut Pipe {
        self.socket.get_mut().pipe_mut()
    }

    fn wants_write(&self) -> bool {
        self.unsent || self.wire().wants_write()
    }

    fn holds_bytes(&self) -> bool {
        true
    }

    fn heard(&self) -> u64 {
        self.heard
    }

    fn say_goodbye(&mut self) {
        // What the pipe does not take now is not sent.
        self.close(CloseCode::Normal);
        self.socket.get_mut().say_goodbye();
    }
}

impl Read for WebSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let before = self.wire().heard();
        self.pinged = false;
        while self.rest.is_empty() {
            self.rest = match self.next() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && error.get_ref().is_none() => return Ok(0),
                Err(error) => {
                    self.heard += u64::from(!self.pinged && self.wire().heard() != before);
                    return Err(error);
                }
            };
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}

impl Write for WebSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    /// Makes one message of the bytes, once the one before has gone.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.unsent {
            self.flush()?;
        }
        let mut message = Vec::with_capacity(slices.iter().map(|slice| slice.len()).sum::<usize>().min(LARGEST));
        for slice in slices {
            let room = LARGEST - message.len();
            message.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        let count = message.len();
        self.unsent = true;
        match self.socket.write(Message::Binary(message.into())) {
            // It is taken, whatever the pipe says.
            Ok(()) | Err(tungstenite::Error::Io(_)) => {}
            Err(error) => return Err(self.broken(error)),
        }
        self.send()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unsent = true;
        self.socket.flush().map_err(|error| self.broken(error))?;
        self.unsent = false;
        Ok(())
    }
}
