//! The fixed header: where a packet ends.

use crate::wire::Malformed;

/// The fixed header of a packet (MQTT 5, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Packet type and flags.
    pub(crate) first: u8,
    /// Bytes of the fixed header itself, 2 to 5.
    pub(crate) header: usize,
    /// Bytes that follow the fixed header.
    pub(crate) body: usize,
}

impl Frame {
    /// The packet type, 0 to 15.
    pub(crate) fn kind(self) -> u8 {
        self.first >> 4
    }

    /// The flags in the lower half of the first byte.
    pub(crate) fn flags(self) -> u8 {
        self.first & 0x0f
    }

    /// Bytes of the whole packet.
    pub(crate) fn len(self) -> usize {
        self.header + self.body
    }
}

/// Reads the fixed header at the front of `bytes`; `None` means that more bytes must come first.
pub(crate) fn frame(bytes: &[u8]) -> Result<Option<Frame>, Malformed> {
    let Some((&first, lengths)) = bytes.split_first() else {
        return Ok(None);
    };
    let mut body = 0;
    for (position, &byte) in lengths.iter().take(4).enumerate() {
        body |= usize::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Ok(Some(Frame { first, header: position + 2, body }));
        }
    }
    if lengths.len() >= 4 {
        return Err(Malformed("the remaining length is longer than four bytes"));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_whole_header() {
        assert_eq!(frame(&[]), Ok(None));
        assert_eq!(frame(&[0x30]), Ok(None));
        assert_eq!(frame(&[0x30, 0x80]), Ok(None));
        assert_eq!(frame(&[0x30, 0xff, 0xff, 0xff]), Ok(None));
        assert!(frame(&[0x30, 0xff, 0xff, 0xff, 0xff]).is_err());
    }

    #[test]
    fn reads_lengths() {
        let whole = Frame { first: 0x32, header: 3, body: 321 };
        assert_eq!(frame(&[0x32, 0xc1, 0x02]), Ok(Some(whole)));
        assert_eq!((whole.kind(), whole.flags(), whole.len()), (3, 2, 324));
        assert_eq!(frame(&[0xd0, 0]).map(|f| f.map(|f| f.len())), Ok(Some(2)));
    }
}
