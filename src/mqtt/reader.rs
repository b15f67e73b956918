//! A cursor over a packet's bytes that never reads past their end.

use crate::mqtt::ProtocolError;

/// A length that says more than there is, wherever it stands.
pub(super) const PAST_END: ProtocolError = ProtocolError::malformed("a length points past the end of its packet");

/// Reads the standard's data types off the front of a slice (MQTT 5, section 1.5).
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// Bytes not read yet.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, taken whole.
    pub(crate) fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], ProtocolError> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(PAST_END)?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ProtocolError> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ProtocolError> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ProtocolError> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A packet id, which is never 0 (MQTT 5, section 2.2.1).
    pub(crate) fn packet_id(&mut self) -> Result<u16, ProtocolError> {
        match self.u16()? {
            0 => Err(ProtocolError::protocol("a packet id is 0")),
            id => Ok(id),
        }
    }

    /// A variable byte integer, at most four bytes.
    pub(crate) fn varint(&mut self) -> Result<usize, ProtocolError> {
        let (value, len) = varint(self.rest)?.ok_or(PAST_END)?;
        self.take(len)?;
        Ok(value)
    }

    /// Binary data with its two-byte length.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], ProtocolError> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// UTF-8 text with its two-byte length, free of NUL (MQTT 5, section 1.5.4).
    ///
    /// Bytes that are not UTF-8 are refused in a topic as everywhere: no `String` could hold them.
    pub(crate) fn text(&mut self) -> Result<&'a str, ProtocolError> {
        let bytes = self.binary()?;
        if bytes.contains(&0) {
            return Err(ProtocolError::malformed("a string holds the character NUL"));
        }
        std::str::from_utf8(bytes).map_err(|_| ProtocolError::malformed("a string is not valid UTF-8"))
    }
}

/// The variable byte integer at the front of `bytes` and how many bytes it takes, 1 to 4 (MQTT 5, section 1.5.5).
///
/// `None` means that more bytes must come first.
pub(super) fn varint(bytes: &[u8]) -> Result<Option<(usize, usize)>, ProtocolError> {
    let mut value = 0;
    for (position, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            if byte == 0 && position > 0 {
                return Err(ProtocolError::malformed("a variable byte integer is not in its shortest form"));
            }
            return Ok(Some((value, position + 1)));
        }
    }
    if bytes.len() >= 4 {
        return Err(ProtocolError::malformed("a variable byte integer is longer than four bytes"));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_standards_types() {
        let mut reader = Reader::new(&[1, 0, 2, 0, 0, 1, 0, 0x80, 0x01, 0, 1, b'a', 0, 7, 9]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(2));
        assert_eq!(reader.u32(), Ok(256));
        assert_eq!(reader.varint(), Ok(128));
        assert_eq!(reader.text(), Ok("a"));
        assert_eq!(reader.packet_id(), Ok(7));
        assert_eq!(reader.remainder(), [9]);
        assert!(reader.is_empty());
    }

    #[test]
    fn refuses_what_the_standard_refuses() {
        let code = |result: Result<(), ProtocolError>| result.map_err(|error| error.code);
        assert_eq!(Reader::new(&[0]).u16(), Err(PAST_END));
        assert_eq!(Reader::new(&[0, 0, 0]).u32(), Err(PAST_END));
        assert_eq!(Reader::new(&[0x80]).varint(), Err(PAST_END));
        assert_eq!(Reader::new(&[0, 3, b'a']).text(), Err(PAST_END));
        for text in [&[0, 1, 0][..], &[0, 1, 0xff], &[0, 3, 0xed, 0xa0, 0x80]] {
            assert_eq!(code(Reader::new(text).text().map(|_| ())), Err(0x81), "{text:02x?}");
        }
        assert_eq!(code(Reader::new(&[0, 0]).packet_id().map(|_| ())), Err(0x82));
    }

    #[test]
    fn variable_byte_integers_wait_for_their_end_and_have_one_form() {
        for (bytes, expected) in [
            (&[][..], None),
            (&[0x80], None),
            (&[0xff, 0xff, 0xff], None),
            (&[0], Some((0, 1))),
            (&[0x7f, 9], Some((127, 1))),
            (&[0x80, 0x01], Some((128, 2))),
            (&[0xff, 0xff, 0xff, 0x7f], Some((268_435_455, 4))),
        ] {
            assert_eq!(varint(bytes), Ok(expected), "{bytes:02x?}");
        }
        for bytes in [&[0x80, 0][..], &[0x83, 0x80, 0], &[0xff, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xff, 1]] {
            assert_eq!(varint(bytes).map_err(|error| error.code), Err(0x81), "{bytes:02x?}");
        }
    }
}
