//! What a client is built with: callback version, MQTT version, transport.

use std::fmt;

use crate::types::{Error, Result};

/// Which arguments callbacks get; only Python's current version exists here.
///
/// paho-python: `CallbackAPIVersion`. The old `VERSION1` is deprecated there and left out here.
///
/// ```
/// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// # drop(client);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackApiVersion {
    /// Reason codes and properties in every callback, for MQTT 3.1.1 as for 5. paho-python: `VERSION2`.
    Version2,
}

/// The version of MQTT spoken with the broker.
///
/// paho-python: `MQTTProtocolVersion`.
///
/// ```
/// use rappel::Protocol;
///
/// assert_eq!(Protocol::default(), Protocol::V311);
/// assert_eq!(Protocol::V5.to_string(), "MQTT 5");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// MQTT 3.1 of 2010, for brokers that speak nothing newer: it wants a client id, which is made up where none is given,
    /// and its broker does not say whether it has kept a session. paho-python: `MQTTv31`.
    #[doc(alias = "MQTTv31")]
    V31,
    /// MQTT 3.1.1, the default: every broker speaks it. paho-python: `MQTTv311`.
    #[default]
    #[doc(alias = "MQTTv311")]
    V311,
    /// MQTT 5, with properties. paho-python: `MQTTv5`.
    #[doc(alias = "MQTTv5")]
    V5,
}

impl Protocol {
    /// The protocol level in the CONNECT packet, which is also Python's number: 3, 4 or 5.
    ///
    /// ```
    /// assert_eq!(rappel::Protocol::V311.value(), 4);
    /// assert_eq!(rappel::Protocol::V5.value(), 5);
    /// ```
    #[must_use]
    pub const fn value(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V31 => "MQTT 3.1",
            Self::V311 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5",
        })
    }
}

/// What carries the MQTT packets.
///
/// paho-python: the `transport` argument of `Client`.
///
/// ```
/// assert_eq!(rappel::Transport::default(), rappel::Transport::Tcp);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Transport {
    /// A TCP connection, usually to port 1883. paho-python: `"tcp"`.
    #[default]
    Tcp,
    /// A WebSocket over TCP, or over TLS where [`tls_set`](crate::Client::tls_set) says so, to a port of the broker for them
    /// (Mosquitto: `protocol websockets`). Needs the feature `websockets`. paho-python: `"websockets"`.
    ///
    /// [`ws_set_options`](crate::Client::ws_set_options) gives it another path than `/mqtt`, and headers. At the log level
    /// `Trace`, the crate tungstenite writes all that passes, passwords too: a program that logs so much leaves its lines out,
    /// as with `RUST_LOG=trace,tungstenite=debug`.
    WebSockets,
    /// A Unix socket, to a broker on the same machine that listens on one (Mosquitto: `listener 0 /path`): `host` is its
    /// path, and the port counts for nothing. paho-python: `"unix"`.
    Unix,
}

impl Transport {
    /// Says whether this system and this build of the crate have it.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Self::WebSockets if !cfg!(feature = "websockets") => Err(Error::TransportNotAvailable { transport: self }),
            Self::Unix if !cfg!(unix) => Err(Error::TransportNotAvailable { transport: self }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::WebSockets => "websockets",
            Self::Unix => "unix",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_build_does_not_have_is_an_error() {
        let there = [
            (Transport::Tcp, true),
            (Transport::WebSockets, cfg!(feature = "websockets")),
            (Transport::Unix, cfg!(unix)),
        ];
        for (transport, there) in there {
            match transport.check() {
                Ok(()) => assert!(there, "{transport}"),
                Err(error) => assert!(!there && error.to_string().contains(&transport.to_string()), "{error}"),
            }
        }
    }
}
