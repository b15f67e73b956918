//! What `ws_set_options` takes: the headers of the request that opens a WebSocket.
#![cfg_attr(not(feature = "websockets"), allow(dead_code, reason = "nothing opens a WebSocket"))]

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::types::{Error, Result, language, tell};

/// The headers of a request, in their order; names count without regard to capital letters (paho-python:
/// `WebSocketHeaders`, a `dict`).
///
/// ```
/// use rappel::WebSocketHeaders;
///
/// let mut headers = WebSocketHeaders::from([("Origin", "http://mqttbroker.lan")]);
/// headers.insert("Authorization", "Bearer 1234");
/// assert_eq!(headers.get("origin"), Some("http://mqttbroker.lan"));
/// assert_eq!(headers.remove("Origin").as_deref(), Some("http://mqttbroker.lan"));
/// assert!(!format!("{headers:?}").contains("1234"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebSocketHeaders(Vec<(String, String)>);

impl WebSocketHeaders {
    /// The value of a header.
    ///
    /// ```
    /// let headers = rappel::WebSocketHeaders::from([("Host", "mqttbroker.lan")]);
    /// assert_eq!(headers.get("host"), Some("mqttbroker.lan"));
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Adds a header, in the place of one of the same name.
    ///
    /// ```
    /// let mut headers = rappel::WebSocketHeaders::from([("Host", "mqttbroker.lan")]);
    /// headers.insert("Host", "localhost");
    /// assert_eq!(headers.get("Host"), Some("localhost"));
    /// ```
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some(header) => *header = (name, value),
            None => self.0.push((name, value)),
        }
    }

    /// Takes a header out.
    ///
    /// ```
    /// let mut headers = rappel::WebSocketHeaders::from([("Host", "mqttbroker.lan")]);
    /// assert_eq!(headers.remove("host").as_deref(), Some("mqttbroker.lan"));
    /// assert_eq!(headers.get("Host"), None);
    /// ```
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let position = self.0.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(self.0.remove(position).1)
    }

    /// Names and values.
    ///
    /// ```
    /// let headers = rappel::WebSocketHeaders::from([("Host", "mqttbroker.lan")]);
    /// assert_eq!(headers.iter().collect::<Vec<_>>(), [("Host", "mqttbroker.lan")]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Says whether these can be headers at all (RFC 9110, section 5.5).
    pub(crate) fn check(&self) -> Result<()> {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
        let bad = self.iter().find(|(name, value)| {
            name.is_empty()
                || !name.chars().all(is_name)
                || value.chars().any(|letter| letter.is_control() && letter != '\t')
        });
        match bad {
            None => Ok(()),
            Some((name, _)) => {
                let problem = tell!(
                    language(),
                    "{name:?} or its value holds what HTTP does not allow there",
                    "{name:?} ou sa valeur contient ce que HTTP n'y autorise pas"
                );
                Err(Error::InvalidOption { option: "headers", problem })
            }
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for WebSocketHeaders {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let mut all = Self::default();
        headers.into_iter().for_each(|(name, value)| all.insert(name, value));
        all
    }
}

impl<N: Into<String>, V: Into<String>, const COUNT: usize> From<[(N, V); COUNT]> for WebSocketHeaders {
    fn from(headers: [(N, V); COUNT]) -> Self {
        headers.into_iter().collect()
    }
}

impl fmt::Debug for WebSocketHeaders {
    /// Shows the names alone: a value may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// What `ws_set_options` does with the headers that are always sent.
#[derive(Clone)]
pub(crate) enum HeaderChange {
    /// Adds these.
    Add(WebSocketHeaders),
    /// Lets the program change them.
    Call(Arc<dyn Fn(WebSocketHeaders) -> WebSocketHeaders + Send + Sync>),
}

impl fmt::Debug for HeaderChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(headers) => f.debug_tuple("Add").field(headers).finish(),
            Self::Call(_) => f.write_str("Call(..)"),
        }
    }
}

/// How a WebSocket is opened.
#[derive(Debug, Clone)]
pub(crate) struct WebSocketOptions {
    pub(crate) path: String,
    pub(crate) headers: HeaderChange,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        WebSocketOptions { path: "/mqtt".to_owned(), headers: HeaderChange::Add(WebSocketHeaders::default()) }
    }
}

impl WebSocketOptions {
    /// Says whether a server can be asked like this.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.path.starts_with('/') || !self.path.chars().all(|letter| letter.is_ascii_graphic() && letter != '#') {
            let path = &self.path;
            let problem = tell!(
                language(),
                "{path:?} is not the path of a URL; it begins with \"/\", and what is no letter, digit or mark of ASCII is written as %20",
                "{path:?} n'est pas le chemin d'une URL ; il commence par \"/\", et ce qui n'est ni lettre, ni chiffre, ni signe ASCII s'écrit comme %20"
            );
            return Err(Error::InvalidOption { option: "path", problem });
        }
        match &self.headers {
            HeaderChange::Add(headers) => headers.check(),
            HeaderChange::Call(_) => Ok(()),
        }
    }
}

/// What [`ws_set_options`](crate::Client::ws_set_options) takes as headers: names with values, or a function that gets the
/// headers that are always sent and gives those to be sent, called at each connection; `()` or `None` for no others.
///
/// ```
/// # fn main() -> rappel::Result<()> {
/// use rappel::WebSocketHeaders;
///
/// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// client.ws_set_options("/mqtt", [("Authorization", "Bearer 1234")])?;
/// client.ws_set_options("/mqtt", |mut headers: WebSocketHeaders| {
///     headers.remove("Origin");
///     headers
/// })?;
/// client.ws_set_options("/mqtt", None)?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what headers are given as",
    label = "give names with values, a function, or `None`",
    note = "a closure needs its argument's type: `|headers: WebSocketHeaders| headers`"
)]
pub trait IntoHeaders: sealed::Sealed {
    /// What becomes of the headers that are always sent.
    #[doc(hidden)]
    fn into_headers(self) -> sealed::Change;
}

mod sealed {
    pub trait Sealed {}

    /// Keeps [`HeaderChange`](super::HeaderChange) out of the public API.
    #[derive(Debug)]
    pub struct Change(pub(crate) super::HeaderChange);
}

macro_rules! headers {
    ($([$($generic:tt)*] $headers:ty: $value:ident => $change:expr;)*) => {$(
        impl<$($generic)*> sealed::Sealed for $headers {}

        impl<$($generic)*> IntoHeaders for $headers {
            fn into_headers(self) -> sealed::Change {
                let $value = self;
                sealed::Change($change)
            }
        }
    )*};
}

headers! {
    [] (): _none => HeaderChange::Add(WebSocketHeaders::default());
    // The only `Option`, so that a bare `None` needs no type.
    [] Option<WebSocketHeaders>: headers => HeaderChange::Add(headers.unwrap_or_default());
    [] WebSocketHeaders: headers => HeaderChange::Add(headers);
    [N: Into<String>, V: Into<String>, const COUNT: usize] [(N, V); COUNT]: headers => HeaderChange::Add(headers.into());
    [N: Into<String>, V: Into<String>] Vec<(N, V)>: headers => HeaderChange::Add(headers.into_iter().collect());
    [N: Into<String>, V: Into<String>] BTreeMap<N, V>: headers => HeaderChange::Add(headers.into_iter().collect());
    [N: Into<String>, V: Into<String>, S] HashMap<N, V, S>: headers => HeaderChange::Add(headers.into_iter().collect());
    [F: Fn(WebSocketHeaders) -> WebSocketHeaders + Send + Sync + 'static] F: change => HeaderChange::Call(Arc::new(change));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(path: &str, headers: impl IntoHeaders) -> WebSocketOptions {
        WebSocketOptions { path: path.to_owned(), headers: headers.into_headers().0 }
    }

    fn added(headers: impl IntoHeaders) -> Vec<(String, String)> {
        match headers.into_headers().0 {
            HeaderChange::Add(headers) => headers.0,
            HeaderChange::Call(change) => change(WebSocketHeaders::from([("X", "1")])).0,
        }
    }

    #[test]
    fn headers_in_many_forms() {
        let one = || vec![("X".to_owned(), "2".to_owned())];
        assert_eq!(added([("X", "2")]), one());
        assert_eq!(added([("x", "1"), ("X", "2")]), one());
        assert_eq!(added(vec![("X", String::from("2"))]), one());
        assert_eq!(added(HashMap::from([("X", "2")])), one());
        assert_eq!(added(BTreeMap::from([("X", "2")])), one());
        assert_eq!(added(WebSocketHeaders::from([("X", "2")])), one());
        assert_eq!(
            added(|mut headers: WebSocketHeaders| {
                headers.insert("X", "2");
                headers
            }),
            one()
        );
        assert!(added(()).is_empty() && added(None).is_empty());
    }

    #[test]
    fn what_no_server_can_be_asked() {
        for path in ["", "mqtt", "/a b", "/é", "/a#b", "/a\r\nX: y"] {
            let error = options(path, ()).check().expect_err(path);
            assert!(matches!(error, Error::InvalidOption { option: "path", .. }), "{error:?}");
        }
        for (name, value) in [("", "x"), ("a b", "x"), ("a:", "x"), ("é", "x"), ("a", "x\r\nb: y"), ("a", "\0")] {
            let error = options("/mqtt", [(name, value)]).check().expect_err(name);
            assert!(matches!(error, Error::InvalidOption { option: "headers", .. }), "{error:?}");
        }
        assert!(options("/a/%20?b=c", [("X-Name", "é\t, \"x\"")]).check().is_ok());
    }
}
