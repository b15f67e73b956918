//! The options of `proxy_set`.

use std::fmt;

use crate::types::{Error, Result, check_host, language};

/// What kind of proxy it is (paho-python: `proxy_type`, a number of PySocks).
///
/// ```
/// use rappel::{ProxyOptions, ProxyType};
///
/// let proxy = ProxyOptions::new(ProxyType::Socks5, "proxy.lan");
/// # let _ = proxy;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyType {
    /// An HTTP proxy that lets CONNECT through to the broker's port (RFC 9110, section 9.3.6). paho-python: `socks.HTTP`.
    #[doc(alias = "HTTP")]
    Http,
    /// SOCKS 4, and 4a where the proxy looks up the name. It knows no IPv6 and no password. paho-python: `socks.SOCKS4`.
    #[doc(alias = "SOCKS4")]
    Socks4,
    /// SOCKS 5 (RFC 1928 and 1929). paho-python: `socks.SOCKS5`.
    #[doc(alias = "SOCKS5")]
    Socks5,
}

impl ProxyType {
    /// The port where PySocks expects one.
    fn usual_port(self) -> u16 {
        match self {
            Self::Http => 8080,
            Self::Socks4 | Self::Socks5 => 1080,
        }
    }
}

/// A proxy between the client and the broker, for [`proxy_set`](crate::Client::proxy_set) (paho-python: its keyword
/// arguments `proxy_type`, `proxy_addr`, `proxy_port`, `proxy_rdns`, `proxy_username` and `proxy_password`).
///
/// ```
/// use rappel::{ProxyOptions, ProxyType};
///
/// let proxy = ProxyOptions::new(ProxyType::Http, "proxy.lan").port(3128).username("info").password("Password1234");
/// assert!(!format!("{proxy:?}").contains("Password1234"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct ProxyOptions {
    pub(crate) kind: ProxyType,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) remote_names: bool,
    pub(crate) username: String,
    pub(crate) password: Option<String>,
}

impl ProxyOptions {
    /// A proxy by its name or address, at its usual port: 8080 for HTTP, 1080 for SOCKS.
    ///
    /// ```
    /// use rappel::{ProxyOptions, ProxyType};
    ///
    /// let proxy = ProxyOptions::new(ProxyType::Http, "10.10.10.8");
    /// # let _ = proxy;
    /// ```
    #[doc(alias = "proxy_type")]
    #[doc(alias = "proxy_addr")]
    pub fn new(proxy_type: ProxyType, proxy_addr: impl Into<String>) -> Self {
        ProxyOptions {
            kind: proxy_type,
            host: proxy_addr.into(),
            port: proxy_type.usual_port(),
            remote_names: true,
            username: String::new(),
            password: None,
        }
    }

    /// The proxy's port (paho-python: `proxy_port`). 0 makes `proxy_set` fail.
    ///
    /// ```
    /// use rappel::{ProxyOptions, ProxyType};
    ///
    /// let proxy = ProxyOptions::new(ProxyType::Http, "proxy.lan").port(3128);
    /// # let _ = proxy;
    /// ```
    #[doc(alias = "proxy_port")]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Whether the proxy looks up the broker's name (the default), or this machine does (paho-python: `proxy_rdns`).
    ///
    /// ```
    /// use rappel::{ProxyOptions, ProxyType};
    ///
    /// let proxy = ProxyOptions::new(ProxyType::Socks5, "proxy.lan").rdns(false);
    /// # let _ = proxy;
    /// ```
    #[doc(alias = "proxy_rdns")]
    pub fn rdns(mut self, rdns: bool) -> Self {
        self.remote_names = rdns;
        self
    }

    /// The user name for the proxy, with HTTP and SOCKS 5; the user id of SOCKS 4 (paho-python: `proxy_username`).
    ///
    /// ```
    /// use rappel::{ProxyOptions, ProxyType};
    ///
    /// let proxy = ProxyOptions::new(ProxyType::Socks4, "proxy.lan").username("info");
    /// # let _ = proxy;
    /// ```
    #[doc(alias = "proxy_username")]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = username.into();
        self
    }

    /// The password for the proxy, with HTTP and SOCKS 5 (paho-python: `proxy_password`). Shown nowhere.
    ///
    /// ```
    /// use rappel::{ProxyOptions, ProxyType};
    ///
    /// let proxy = ProxyOptions::new(ProxyType::Socks5, "proxy.lan").username("info").password("Password1234");
    /// # let _ = proxy;
    /// ```
    #[doc(alias = "proxy_password")]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Says whether a proxy can be asked like this.
    pub(crate) fn check(&self) -> Result<()> {
        let fail = |problem: &'static str| Err(Error::InvalidOption { option: "proxy", problem: problem.to_owned() });
        let language = language();
        if let Err(error) = check_host(&self.host) {
            return Err(Error::InvalidOption { option: "proxy", problem: error.to_string() });
        }
        if self.port == 0 {
            return fail(language.pick("its port is 1 to 65535", "son port va de 1 à 65535"));
        }
        let password = self.password.as_deref().unwrap_or_default();
        if self.username.is_empty() && self.password.is_some() {
            return fail(language.pick("a password needs a user name", "un mot de passe demande un nom d'utilisateur"));
        }
        if [&self.username, password].iter().any(|text| text.contains(char::is_control)) {
            return fail(language.pick(
                "user name and password hold no control characters",
                "le nom d'utilisateur et le mot de passe ne contiennent pas de caractères de contrôle",
            ));
        }
        match self.kind {
            ProxyType::Http if self.username.contains(':') => fail(language.pick(
                "for an HTTP proxy, the user name holds no colon",
                "pour un proxy HTTP, le nom d'utilisateur ne contient pas de deux-points",
            )),
            ProxyType::Socks5 if self.username.len().max(password.len()) > 255 => fail(language.pick(
                "SOCKS 5 takes up to 255 bytes of user name and of password",
                "SOCKS 5 accepte 255 octets au plus pour le nom d'utilisateur et pour le mot de passe",
            )),
            ProxyType::Socks4 if self.password.is_some() => fail(
                language
                    .pick("SOCKS 4 has no password; use SOCKS 5", "SOCKS 4 n'a pas de mot de passe ; utilisez SOCKS 5"),
            ),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ProxyOptions {
    /// Shows who, and not the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyOptions")
            .field("kind", &self.kind)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("remote_names", &self.remote_names)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_proxy_can_be_asked() {
        let http = || ProxyOptions::new(ProxyType::Http, "proxy.lan");
        let socks = |kind| ProxyOptions::new(kind, "::1").username("info");
        assert!(http().username("info").password("a:b").check().is_ok());
        assert!(socks(ProxyType::Socks5).password("x".repeat(255)).check().is_ok());
        for (proxy, part) in [
            (ProxyOptions::new(ProxyType::Http, ""), "mqttbroker.lan"),
            (ProxyOptions::new(ProxyType::Http, "http://proxy.lan:80"), "name alone"),
            (http().port(0), "65535"),
            (http().password("x"), "user name"),
            (http().username("a:b").password("x"), "colon"),
            (http().username("a\r\nHost: b").password("x"), "control"),
            (socks(ProxyType::Socks4).password("x"), "SOCKS 5"),
            (socks(ProxyType::Socks5).password("x".repeat(256)), "255"),
        ] {
            let error = proxy.check().expect_err(part).to_string();
            assert!(error.contains("proxy") && error.contains(part), "{part:?} is not in {error:?}");
        }
    }
}
