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
