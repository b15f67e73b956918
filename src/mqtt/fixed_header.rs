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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Protocol, first: u8) -> Result<(), u8> {
        FixedHeader { first, len: 2, body: 0 }.check(version).map_err(|error| error.code)
    }

    #[test]
    fn waits_for_the_whole_header() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0xff, 0xff, 0xff]] {
            assert_eq!(FixedHeader::read(bytes), Ok(None), "{bytes:02x?}");
        }
        assert!(FixedHeader::read(&[0x30, 0xff, 0xff, 0xff, 0xff]).is_err(), "five bytes of length");
        assert!(FixedHeader::read(&[0x30, 0x80, 0x00]).is_err(), "not the shortest form");
    }

    #[test]
    fn reads_lengths() {
        let header = FixedHeader { first: 0x32, len: 3, body: 321 };
        assert_eq!(FixedHeader::read(&[0x32, 0xc1, 0x02, 9]), Ok(Some(header)));
        assert_eq!((header.kind(), header.flags(), header.packet_len()), (3, 2, 324));
        let longest = FixedHeader::read(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(longest.map(|it| it.map(FixedHeader::packet_len)), Ok(Some(MAX_PACKET)));
    }

    #[test]
    fn every_first_byte_in_both_versions() {
        // What a broker may send: the flags of PUBLISH are DUP, two bits of QoS, and RETAIN.
        let allowed = [0x20, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x3a, 0x3b, 0x3c, 0x3d];
        let allowed = [&allowed[..], &[0x40, 0x50, 0x62, 0x70, 0x90, 0xb0, 0xd0]].concat();
        for first in 0..=0xff {
            let (v311, v5) = (check(Protocol::V311, first), check(Protocol::V5, first));
            assert_eq!(v311.is_ok(), allowed.contains(&first), "{first:02x}");
            assert_eq!(v5.is_ok(), allowed.contains(&first) || first == 0xe0, "{first:02x}");
        }
        for (first, code) in [(0x36, 0x81), (0x3e, 0x81), (0x38, 0x82), (0x39, 0x82), (0x41, 0x81), (0x60, 0x81)] {
            assert_eq!(check(Protocol::V5, first), Err(code), "{first:02x}");
        }
        for (first, code) in [(0x00, 0x82), (0x10, 0x82), (0x82, 0x82), (0xc0, 0x82), (0xf0, 0x82), (0xe1, 0x81)] {
            assert_eq!(check(Protocol::V5, first), Err(code), "{first:02x}");
        }
    }
}
