//! TLS on a pipe.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use crate::net::Plan;
use crate::net::pipe::Pipe;
use crate::net::tls_problem::{Place, explain};
use crate::net::wire::Layer;
use crate::tls::TlsContext;
use crate::types::{Error, Result, language, tell};

/// An encrypted connection. What it keeps for the pipe is bounded by rustls, to 64 KiB.
pub(crate) struct TlsWire {
    pipe: Pipe,
    tls: Box<ClientConnection>,
    place: Place,
    /// The other side has said that this is the end.
    is_over: bool,
    /// What ended the connection, to be told once what came before it is read.
    failure: Option<io::Error>,
}

impl TlsWire {
    /// Agrees with the broker on how to encrypt, and looks at its certificate.
    pub(crate) fn open(mut pipe: Pipe, context: &TlsContext, plan: &Plan) -> Result<Self> {
        let place = Place { host: plan.host.clone(), port: plan.port };
        let name = server_name(&place)?;
        let config = context.config().clone();
        let mut tls = ClientConnection::new(config, name).map_err(|error| explain(&error, &place))?;
        if let Err(error) = tls.complete_io(&mut pipe) {
            return Err(unfinished(&error, pipe.received(), place, plan));
        }
        Ok(TlsWire { pipe, tls: Box::new(tls), place, is_over: false, failure: None })
    }

    /// Writes what is encrypted, as far as the pipe takes it.
    fn push(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.pipe) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                // Whoever writes again would write the same bytes again, although they are encrypted already.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Has the pipe read and decrypted once.
    fn pull(&mut self) -> io::Result<()> {
        self.tls.read_tls(&mut self.pipe)?;
        match self.tls.process_new_packets() {
            Ok(state) => {
                self.is_over |= state.peer_has_closed();
                Ok(())
            }
            Err(error) => {
                // The alert that says so to the other side.
                let _ = self.push();
                Err(io::Error::new(ErrorKind::InvalidData, explain(&error, &self.place)))
            }
        }
    }
}

impl Layer for TlsWire {
    fn pipe(&self) -> &Pipe {
        &self.pipe
    }

    fn pipe_mut(&mut self) -> &mut Pipe {
        &mut self.pipe
    }

    fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    fn holds_bytes(&self) -> bool {
        // What the next read has to say without the pipe.
        self.is_over || self.failure.is_some()
    }

    fn say_goodbye(&mut self) {
        // So that the other side can tell this end from a cut.
        self.tls.send_close_notify();
        // A pipe that takes no more ends all the same.
        let _ = self.push();
    }
}

impl Read for TlsWire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.tls.reader().read(&mut buffer[filled..]) {
                // The other side has said that this is the end, or has said nothing and gone.
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.failure = Some(cut_off()),
                Ok(count) => {
                    filled += count;
                    continue;
                }
                // It is enough for who waits: before the pipe is watched, asking it for more would wait for more.
                Err(_) if filled > 0 && self.pipe.waits() => break,
                Err(_) => {}
            }
            match self.failure.take() {
                Some(failure) if filled > 0 => self.failure = Some(failure),
                Some(failure) => return Err(failure),
                None => match self.pull() {
                    Ok(()) => continue,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == ErrorKind::WouldBlock && filled > 0 => {}
                    Err(error) if filled > 0 => self.failure = Some(error),
                    Err(error) => return Err(error),
                },
            }
            break;
        }
        Ok(filled)
    }
}

impl Write for TlsWire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // One portion is encrypted when the last one is gone.
        self.push()?;
        let taken = self.tls.writer().write_vectored(slices)?;
        match self.push() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}

/// The name that the broker's certificate must have. An address of one link comes with its interface: `fe80::1%eth0`.
fn server_name(place: &Place) -> Result<ServerName<'static>> {
    let host = place.host.split('%').next().unwrap_or_default();
    ServerName::try_from(host.to_owned()).map_err(|_| {
        let problem = tell!(
            language(),
            "a certificate cannot be for {host:?}; give connect a name of plain letters, digits, dots and hyphens, or an address",
            "un certificat ne peut pas être pour {host:?} ; donnez à connect un nom fait de lettres sans accents, de chiffres, de points et de traits d'union, ou une adresse"
        );
        place.failed(problem)
    })
}

/// Why nothing was agreed on; `received` bytes have come.
fn unfinished(error: &io::Error, received: u64, place: Place, plan: &Plan) -> Error {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return explain(error, &place);
    }
    match error.kind() {
        ErrorKind::TimedOut => plan.too_late("the TLS handshake"),
        // Who does not know TLS takes its first message for nonsense and hangs up.
        _ if received == 0 => Error::NoTls { host: place.host, port: place.port },
        _ => place.failed(error.to_string()),
    }
}

/// TLS says when it ends (RFC 8446, section 6.1); who cuts the line does not.
fn cut_off() -> io::Error {
    let problem = tell!(
        language(),
        "the other side was cut off, as it did not say goodbye (close_notify)",
        "l'autre bout a été coupé, car il n'a pas dit au revoir (close_notify)"
    );
    io::Error::new(ErrorKind::UnexpectedEof, problem)
}
