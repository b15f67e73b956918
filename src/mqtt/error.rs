//! Why a packet is not one the standard allows.

use std::fmt;

/// The broker broke the protocol: the connection must end (MQTT 5, section 4.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProtocolError {
    /// The reason code that an MQTT 5 broker is told in DISCONNECT (MQTT 5, section 3.14.2.1).
    pub(crate) code: u8,
    /// What is wrong, to follow "the broker does not keep to MQTT: ".
    pub(crate) problem: &'static str,
}

impl ProtocolError {
    /// The bytes cannot be read as the standard says: 0x81, Malformed Packet.
    pub(crate) const fn malformed(problem: &'static str) -> Self {
        ProtocolError { code: 0x81, problem }
    }

    /// The packet can be read, but is not allowed, or not here: 0x82, Protocol Error.
    pub(crate) const fn protocol(problem: &'static str) -> Self {
        ProtocolError { code: 0x82, problem }
    }

    /// The packet is larger than the client takes: 0x95, Packet too large.
    pub(crate) const fn too_large(problem: &'static str) -> Self {
        ProtocolError { code: 0x95, problem }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the broker does not keep to MQTT: {}", self.problem)
    }
}

impl std::error::Error for ProtocolError {}
