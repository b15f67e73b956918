//! Why a connection ended.

use std::fmt;
use std::io;

use crate::mqtt::{Loss, ProtocolError};
use crate::types::{Error, PacketType, Properties, ReasonCode, language, tell};

/// Who or what ended a connection.
#[derive(Debug)]
pub(crate) enum Ending {
    /// We did, with DISCONNECT.
    Finished,
    /// We did, at once.
    Aborted,
    /// The broker sent DISCONNECT.
    Server { code: u8, properties: Properties },
    /// The network failed, or the broker closed the connection.
    Network(io::Error),
    /// No answer to a ping.
    KeepAlive,
    /// The broker broke the protocol.
    Protocol(ProtocolError),
}

impl Ending {
    /// The reason code of `on_disconnect`, as paho-python gives it: 128 for a lost connection, 130 for one whose
    /// protocol was broken, 141 for a keep-alive that ran out.
    pub(crate) fn code(&self) -> ReasonCode {
        let code = match self {
            Ending::Finished | Ending::Aborted => 0,
            Ending::Server { code, .. } => *code,
            Ending::Network(_) => 128,
            Ending::Protocol(_) => 130,
            Ending::KeepAlive => 141,
        };
        ReasonCode::new(PacketType::Disconnect, code)
    }

    pub(crate) fn properties(&self) -> Properties {
        match self {
            Ending::Server { properties, .. } => properties.clone(),
            _ => Properties::new(),
        }
    }

    pub(crate) fn is_by_server(&self) -> bool {
        matches!(self, Ending::Server { .. })
    }

    /// Whether we wanted it.
    pub(crate) fn is_orderly(&self) -> bool {
        matches!(self, Ending::Finished | Ending::Aborted)
    }

    /// What a layer between MQTT and the network has to say about it.
    pub(crate) fn told(&self) -> Option<Error> {
        match self {
            Ending::Network(error) => error.get_ref()?.downcast_ref::<Error>().cloned(),
            _ => None,
        }
    }

    /// What it means for what was in flight. A broker of MQTT 5 that leaves with a reason that a packet of ours may have
    /// given has hung up on it all the same.
    pub(crate) fn loss(&self) -> Loss {
        /// From "unspecified error" to "not authorized", about names, sizes, formats and what is not supported (MQTT 5,
        /// section 3.14.2.1).
        const ABOUT_A_PACKET: [u8; 14] = [128, 129, 130, 131, 135, 143, 144, 149, 153, 154, 155, 158, 161, 162];
        match self {
            Ending::Finished | Ending::Aborted => Loss::Ours,
            Ending::Server { code, .. } if ABOUT_A_PACKET.contains(code) => Loss::HungUp,
            Ending::Network(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe => Loss::HungUp,
                _ => Loss::Otherwise,
            },
            _ => Loss::Otherwise,
        }
    }

    /// The error that says so to the program.
    pub(crate) fn error(&self) -> Error {
        Error::ConnectionLost { code: self.code() }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let language = language();
        match self {
            Ending::Finished => f.write_str(language.pick("the client has disconnected", "le client s'est déconnecté")),
            Ending::Aborted => {
                f.write_str(language.pick("the client has dropped the connection", "le client a coupé la connexion"))
            }
            Ending::Server { code: number, properties } => {
                let code = self.code();
                let text = tell!(
                    language,
                    "the broker has disconnected the client: {code} ({number})",
                    "le broker a déconnecté le client : {code} ({number})"
                );
                f.write_str(&text)?;
                match &properties.reason_string {
                    Some(reason) => write!(f, ", {reason:?}"),
                    None => Ok(()),
                }
            }
            Ending::Network(error) => {
                f.write_str(&tell!(language, "the connection was lost: {error}", "la connexion est perdue : {error}"))
            }
            Ending::KeepAlive => f.write_str(language.pick("the broker no longer answers", "le broker ne répond plus")),
            Ending::Protocol(error) => {
                let problem = error.problem;
                f.write_str(&tell!(
                    language,
                    "the broker does not keep to MQTT: {problem}",
                    "le broker ne respecte pas MQTT : {problem}"
                ))
            }
        }
    }
}
