//! A cursor over a packet's bytes that never reads past their end.

/// Why a packet is not one the standard allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Reads the standard's data types off the front of a slice (MQTT 5, section 1.5).
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// How many bytes are left.
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

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) =
            self.rest.split_at_checked(count).ok_or(Malformed("a length points past the end of its packet"))?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A variable byte integer, at most four bytes.
    pub(crate) fn varint(&mut self) -> Result<usize, Malformed> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.u8()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte == 0 && shift > 0 {
                // The engine reads some of them by their first byte alone.
                return Err(Malformed("a variable byte integer is not in its shortest form"));
            }
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a variable byte integer is longer than four bytes"))
    }

    /// Binary data with its two-byte length.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// UTF-8 text with its two-byte length, free of NUL (MQTT 5, section 1.5.4).
    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.binary()?;
        if bytes.contains(&0) {
            return Err(Malformed("a string holds the character NUL"));
        }
        std::str::from_utf8(bytes).map_err(|_| Malformed("a string is not valid UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_standards_types() {
        let mut reader = Reader::new(&[1, 0, 2, 0x80, 0x01, 0, 1, b'a', 9]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(2));
        assert_eq!(reader.varint(), Ok(128));
        assert_eq!(reader.text(), Ok("a"));
        assert_eq!(reader.remainder(), [9]);
        assert!(reader.is_empty());
    }

    #[test]
    fn refuses_what_the_standard_refuses() {
        assert!(Reader::new(&[0]).u16().is_err());
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 1]).varint().is_err());
        assert!(Reader::new(&[0x83, 0]).varint().is_err());
        assert!(Reader::new(&[0, 3, b'a']).text().is_err());
        assert!(Reader::new(&[0, 1, 0]).text().is_err());
        assert!(Reader::new(&[0, 1, 0xff]).text().is_err());
    }
}
