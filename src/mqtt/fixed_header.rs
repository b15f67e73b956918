//! The fixed header: which packet begins, and where it ends.

use crate::mqtt::{ProtocolError, kind, reader};
use crate::types::{MAX_PAYLOAD, Protocol};

/// The most bytes that a packet can have, its fixed header included: its length is written in four bytes.
pub(crate) const MAX_PACKET: usize = 5 + MAX_PAYLOAD;

/// The fixed header of a packet (MQTT 5, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FixedHeader {
    /// Packet type and flags.
    pub(super) first: u8,
    /// Bytes of the fixed header itself, 2 to 5.
    pub(super) len: usize,
    /// Bytes that follow the fixed header: the remaining length.
    pub(super) body: usize,
}

impl FixedHeader {
    /// Reads the fixed header at the front of `bytes`; `None` means that more bytes must come first.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<FixedHeader>, ProtocolError> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        Ok(reader::varint(rest)?.map(|(body, len)| FixedHeader { first, len: 1 + len, body }))
    }

    /// The packet type, 0 to 15.
    pub(super) fn kind(self) -> u8 {
        self.first >> 4
    }

    /// The flags in the lower half of the first byte.
    pub(super) fn flags(self) -> u8 {
        self.first & 0x0f
    }

    /// Bytes of the whole packet.
    pub(super) fn packet_len(self) -> usize {
        self.len + self.body
    }

    /// Refuses what a broker may not send to a client of `version`: packet types and flags (MQTT 5, section 2.1.3).
    pub(super) fn check(self, version: Protocol) -> Result<(), ProtocolError> {
        let expected = match self.kind() {
            kind::PUBLISH => return self.check_publish(),
            kind::PUBREL => 0x02,
            kind::CONNACK | kind::PUBACK | kind::PUBREC | kind::PUBCOMP => 0,
            kind::SUBACK | kind::UNSUBACK | kind::PINGRESP => 0,
            kind::DISCONNECT if version == Protocol::V5 => 0,
            kind::DISCONNECT => {
                return Err(ProtocolError::protocol("a DISCONNECT came from the broker, which only MQTT 5 knows"));
            }
            kind::AUTH => {
                return Err(ProtocolError::protocol(
                    "an AUTH packet came; this client does not offer extended authentication",
                ));
            }
            _ => return Err(ProtocolError::protocol("a packet of a type that brokers do not send")),
        };
        if self.flags() != expected {
            return Err(ProtocolError::malformed("a packet's flags are not those of its type"));
        }
        Ok(())
    }

    fn check_publish(self) -> Result<(), ProtocolError> {
        match self.flags() {
            flags if flags & 0x06 == 0x06 => Err(ProtocolError::malformed("a message has QoS 3")),
            flags if flags & 0x0e == 0x08 => {
                Err(ProtocolError::protocol("a message of QoS 0 is marked as a duplicate"))
            }
            _ => Ok(()),
        }
    }
}
