//! Writes the standard's data types, or counts the bytes they would take.

/// Takes the standard's data types, one behind the other (MQTT 5, section 1.5).
///
/// What describes a packet once for every `Writer` is written to a [`Length`] first, because a packet's length stands
/// in front of it, and then to the buffer.
pub(crate) trait Writer {
    fn bytes(&mut self, bytes: &[u8]);

    fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A variable byte integer, which holds 0 to 268,435,455.
    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8);
    }

    /// Binary data, or a text's UTF-8, with its two-byte length. That it fits was checked when it was accepted.
    fn binary(&mut self, bytes: &[u8]) {
        let len = bytes.len().min(usize::from(u16::MAX));
        self.u16(len as u16);
        self.bytes(&bytes[..len]);
    }
}

impl Writer for Vec<u8> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts what is written and keeps nothing.
#[derive(Debug, Default)]
pub(super) struct Length(pub(super) usize);

impl Writer for Length {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// The length of a packet whose variable header and payload take `body` bytes (MQTT 5, section 2.1).
pub(super) fn packet_len(body: usize) -> usize {
    let mut fixed_header = Length(1);
    fixed_header.varint(body);
    fixed_header.0 + body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_standards_types() {
        let mut out = Vec::new();
        out.u8(1);
        out.u16(2);
        out.u32(256);
        out.binary(b"a");
        assert_eq!(out, [1, 0, 2, 0, 0, 1, 0, 0, 1, b'a']);
    }

    #[test]
    fn variable_byte_integers_have_the_shortest_form() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 0x01]),
            (2_097_151, &[0xff, 0xff, 0x7f]),
            (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
            (268_435_455, &[0xff, 0xff, 0xff, 0x7f]),
        ] {
            let mut out = Vec::new();
            out.varint(value);
            assert_eq!(out, bytes, "{value}");
            assert_eq!(packet_len(value), 1 + bytes.len() + value);
        }
    }

    #[test]
    fn what_is_too_long_for_its_length_is_cut() {
        let mut out = Vec::new();
        out.binary(&[7; 65_536]);
        assert_eq!((out.len(), &out[..3]), (2 + 65_535, &[0xff, 0xff, 7][..]));
    }
}
