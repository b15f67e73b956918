//! What may be given as the payload of a message, and how large it may be.

mod number;
mod text;

use crate::types::{Error, Message, Result};

/// The most bytes MQTT can say are in a packet after its first header (MQTT 5, section 2.1.4): just under 256 MiB.
///
/// Topic and packet identifier share it with the payload; [`check_payload`] counts them.
pub(crate) const MAX_PAYLOAD: usize = 268_435_455;

/// A value that can be published: text, bytes, a number, a `bool`, the payload of another message, or nothing.
///
/// Numbers become text as in Python: `21.5` is sent as `21.5`, `1.0` as `1.0`, `1e16` as `1e+16`, `true` as `True`. `()`
/// is an empty payload, and so is the `None` of an `Option` of any of these. Text and bytes may be owned, borrowed, boxed
/// or shared. paho-python: the `payload` argument of `publish()` and `will_set()`.
///
/// ```
/// use rappel::IntoPayload;
///
/// assert_eq!("21.5 °C".into_payload(), "21.5 °C".as_bytes());
/// assert_eq!(42.into_payload(), b"42");
/// assert_eq!(1.0.into_payload(), b"1.0");
/// assert_eq!(true.into_payload(), b"True");
/// assert_eq!([0x0a, 0xff].into_payload(), [0x0a, 0xff]);
/// assert_eq!(().into_payload(), b"");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be published",
    label = "give text, bytes, a number, a `bool`, a `&Message`, or `()` for nothing",
    note = "anything with `Display` becomes text with `.to_string()`"
)]
pub trait IntoPayload: sealed::Sealed {
    /// The bytes to send.
    fn into_payload(self) -> Vec<u8>;

    /// The same, where they are there already.
    #[doc(hidden)]
    fn as_payload(&self) -> Option<&[u8]> {
        None
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Makes types payloads: `type: value => its bytes;`, and where they are there already, `type: value => its bytes, borrowed;`.
macro_rules! payloads {
    ($($payload:ty: $value:ident => $bytes:expr $(, $borrowed:expr)?;)*) => {$(
        impl $crate::types::payload::sealed::Sealed for $payload {}

        impl $crate::types::payload::IntoPayload for $payload {
            fn into_payload(self) -> Vec<u8> {
                let $value = self;
                $bytes
            }

            $(fn as_payload(&self) -> Option<&[u8]> {
                let $value = self;
                Some($borrowed)
            })?
        }
    )*};
}

use payloads;

/// Says whether a payload of `len` bytes fits in one packet beside `topic` and `properties` bytes of properties.
pub(crate) fn check_payload(topic: &str, properties: usize, len: usize) -> Result<()> {
    // Two bytes hold the length of the topic, two the packet identifier.
    let limit = MAX_PAYLOAD.saturating_sub(topic.len() + 4 + properties);
    if len > limit { Err(Error::PayloadTooLarge { len, limit }) } else { Ok(()) }
}

payloads! {
    (): _nothing => Vec::new(), &[];
    &Message: message => message.payload.clone(), &message.payload;
    // Python's `str(True)`.
    bool: value => if value { b"True".to_vec() } else { b"False".to_vec() };
}

impl<T: IntoPayload> sealed::Sealed for Option<T> {}

impl<T: IntoPayload> IntoPayload for Option<T> {
    fn into_payload(self) -> Vec<u8> {
        self.map_or_else(Vec::new, T::into_payload)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::rc::Rc;
    use std::sync::Arc;

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
        check(Cow::Borrowed("a"), "a");
        check(Cow::<[u8]>::Owned(b"a".to_vec()), "a");
        check(Box::<str>::from("a"), "a");
        check(Box::<[u8]>::from(*b"a"), "a");
        check(Arc::<str>::from("a"), "a");
        let shared = Arc::<[u8]>::from(*b"a");
        check(&shared, "a");
        check(shared, "a");
        check(Rc::<str>::from("a"), "a");
        check(Rc::<[u8]>::from(*b"a"), "a");
        check('é', "é");
        check(&Message::new("t", "a"), "a");
        check(true, "True");
        check(false, "False");
        check((), "");
        check(None::<i32>, "");
        check(Some("a"), "a");
        check(-7, "-7");
        check(u128::MAX, "340282366920938463463374607431768211455");
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
