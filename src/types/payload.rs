//! What may be given as the payload of a message, and how large it may be.

use crate::types::{Error, Result};

/// The most bytes MQTT can say are in a packet after its first header (MQTT 5, section 2.1.4): just under 256 MiB.
///
/// Topic and packet identifier share it with the payload; [`check_payload`] counts them.
pub(crate) const MAX_PAYLOAD: usize = 268_435_455;

/// A value that can be published: text, bytes, a number, or nothing.
///
/// Numbers become text as in Python: `21.5` is sent as `21.5`, `1.0` as `1.0`, `1e16` as `1e+16`. `()` and
/// `None` are an empty payload. paho-python: the `payload` argument of `publish()` and `will_set()`.
///
/// ```
/// use rappel::IntoPayload;
///
/// assert_eq!("21.5 °C".into_payload(), "21.5 °C".as_bytes());
/// assert_eq!(42.into_payload(), b"42");
/// assert_eq!(1.0.into_payload(), b"1.0");
/// assert_eq!([0x0a, 0xff].into_payload(), [0x0a, 0xff]);
/// assert_eq!(None::<&str>.into_payload(), b"");
/// ```
pub trait IntoPayload {
    /// The bytes to send.
    fn into_payload(self) -> Vec<u8>;
}

/// Says whether a payload of `len` bytes fits in one packet beside `topic` and `properties` bytes of properties.
pub(crate) fn check_payload(topic: &str, properties: usize, len: usize) -> Result<()> {
    // Two bytes hold the length of the topic, two the packet identifier.
    let limit = MAX_PAYLOAD.saturating_sub(topic.len() + 4 + properties);
    if len > limit { Err(Error::PayloadTooLarge { len, limit }) } else { Ok(()) }
}

impl IntoPayload for &str {
    fn into_payload(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl IntoPayload for String {
    fn into_payload(self) -> Vec<u8> {
        self.into_bytes()
    }
}

impl IntoPayload for &String {
    fn into_payload(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl IntoPayload for &[u8] {
    fn into_payload(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> IntoPayload for [u8; N] {
    fn into_payload(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> IntoPayload for &[u8; N] {
    fn into_payload(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl IntoPayload for Vec<u8> {
    fn into_payload(self) -> Vec<u8> {
        self
    }
}

impl IntoPayload for &Vec<u8> {
    fn into_payload(self) -> Vec<u8> {
        self.clone()
    }
}

impl IntoPayload for () {
    fn into_payload(self) -> Vec<u8> {
        Vec::new()
    }
}

impl<T: IntoPayload> IntoPayload for Option<T> {
    fn into_payload(self) -> Vec<u8> {
        self.map_or_else(Vec::new, T::into_payload)
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl IntoPayload for $integer {
            fn into_payload(self) -> Vec<u8> {
                self.to_string().into_bytes()
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl IntoPayload for $float {
            fn into_payload(self) -> Vec<u8> {
                python_float(format!("{self:?}")).into_bytes()
            }
        }
    )*};
}

floats!(f32 f64);

/// Turns Rust's text of a float into Python's `str()`: both print the fewest digits that give the number back and
/// change to an exponent at the same sizes, but spell the exponent and "not a number" differently.
///
/// Where two such texts are equally near (-92581284705668.625), the last of 16 digits may be Python's plus one; it reads
/// back as the same float.
fn python_float(rust: String) -> String {
    if rust == "NaN" {
        return "nan".to_owned();
    }
    let Some((digits, exponent)) = rust.split_once('e') else {
        return rust;
    };
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: impl IntoPayload, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&payload.into_payload()), expected);
    }

    #[test]
    fn texts_and_bytes() {
        let (text, bytes) = (String::from("a"), vec![b'a']);
        check("é", "é");
        check(&text, "a");
        check(text, "a");
        check(b"abc", "abc");
        check(*b"abc", "abc");
        check(&b"abc"[..], "abc");
        check(&bytes, "a");
        check(bytes, "a");
        check((), "");
        check(None::<i32>, "");
        check(Some("a"), "a");
        check(-7, "-7");
        check(u128::MAX, "340282366920938463463374607431768211455");
    }

    #[test]
    fn floats_are_pythons() {
        let expected = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (21.5, "21.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123456789012345.6, "123456789012345.6"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in expected {
            check(number, text);
        }
        check(0.1_f32, "0.1");
    }

    #[test]
    fn limit_counts_the_topic() {
        let limit = MAX_PAYLOAD - 8;
        assert!(check_payload("test", 0, limit).is_ok());
        assert!(matches!(
            check_payload("test", 0, limit + 1),
            Err(Error::PayloadTooLarge { len, limit: l }) if len == limit + 1 && l == limit
        ));
    }
}
