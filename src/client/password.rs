//! What `username_pw_set` takes as a password.

/// A password: text, bytes, or `None` (paho-python: `username_pw_set(username, password=None)`).
///
/// An `Option<String>`, as the environment gives it, is passed with `.as_deref()`.
///
/// ```
/// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// client.username_pw_set("info", "Password1234");
/// client.username_pw_set("info", std::env::var("MQTT_PASSWORD").ok().as_deref());
/// client.username_pw_set("info", None);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a password",
    label = "give text, bytes, an `Option<&str>` or `None`",
    note = "an `Option<String>` is given with `.as_deref()`"
)]
pub trait IntoPassword: sealed::Sealed {
    /// The bytes that go to the broker; `None` sends no password.
    #[doc(hidden)]
    fn into_password(self) -> Option<Vec<u8>>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! passwords {
    ($($password:ty: $value:ident => $bytes:expr;)*) => {$(
        impl sealed::Sealed for $password {}

        impl IntoPassword for $password {
            fn into_password(self) -> Option<Vec<u8>> {
                let $value = self;
                $bytes
            }
        }
    )*};
}

passwords! {
    &str: text => Some(text.as_bytes().to_vec());
    String: text => Some(text.into_bytes());
    &String: text => Some(text.as_bytes().to_vec());
    &[u8]: bytes => Some(bytes.to_vec());
    Vec<u8>: bytes => Some(bytes);
    &Vec<u8>: bytes => Some(bytes.clone());
    // The only `Option`, so that a bare `None` needs no type.
    Option<&str>: text => text.map(|text| text.as_bytes().to_vec());
}

impl<const N: usize> sealed::Sealed for &[u8; N] {}

impl<const N: usize> IntoPassword for &[u8; N] {
    fn into_password(self) -> Option<Vec<u8>> {
        Some(self.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(password: impl IntoPassword, expected: Option<&[u8]>) {
        assert_eq!(password.into_password().as_deref(), expected);
    }

    #[test]
    fn text_bytes_or_none() {
        let (text, bytes) = (String::from("é"), vec![0xff]);
        check("é", Some("é".as_bytes()));
        check(&text, Some("é".as_bytes()));
        check(Some(text.as_str()), Some("é".as_bytes()));
        check(text, Some("é".as_bytes()));
        check(b"ab", Some(b"ab"));
        check(&b"ab"[..], Some(b"ab"));
        check(&bytes, Some(b"\xff"));
        check(bytes, Some(b"\xff"));
        check("", Some(b""));
        check(None, None);
    }
}
