//! What `username_pw_set` takes as a password.

/// A password: text, bytes, or none (paho-python: `username_pw_set(username, password=None)`).
pub trait IntoPassword {
    /// The bytes that go to the broker; `None` sends no password.
    fn into_password(self) -> Option<Vec<u8>>;
}

impl IntoPassword for &str {
    fn into_password(self) -> Option<Vec<u8>> {
        Some(self.as_bytes().to_vec())
    }
}

impl IntoPassword for String {
    fn into_password(self) -> Option<Vec<u8>> {
        Some(self.into_bytes())
    }
}

impl IntoPassword for &String {
    fn into_password(self) -> Option<Vec<u8>> {
        Some(self.as_bytes().to_vec())
    }
}

impl IntoPassword for &[u8] {
    fn into_password(self) -> Option<Vec<u8>> {
        Some(self.to_vec())
    }
}

impl<const N: usize> IntoPassword for &[u8; N] {
    fn into_password(self) -> Option<Vec<u8>> {
        Some(self.to_vec())
    }
}

impl IntoPassword for Vec<u8> {
    fn into_password(self) -> Option<Vec<u8>> {
        Some(self)
    }
}

impl IntoPassword for () {
    fn into_password(self) -> Option<Vec<u8>> {
        None
    }
}

impl<T: IntoPassword> IntoPassword for Option<T> {
    fn into_password(self) -> Option<Vec<u8>> {
        self.and_then(T::into_password)
    }
}
