//! The options of `connect` and `connect_async`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::types::{GivenDuration, IntoDuration, Properties, Result, check_keepalive};

/// How to connect: keep-alive, clean start, properties, and from where.
///
/// paho-python: the arguments of `connect()` after `port`.
///
/// ```
/// use rappel::ConnectOptions;
///
/// let options = ConnectOptions::new().keepalive(20).clean_start(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct ConnectOptions {
    /// The keep-alive as the user wrote it, not yet checked; `None` for the client's own setting.
    keepalive: Option<GivenDuration>,
    /// When the broker forgets the earlier session (MQTT 5).
    pub(crate) clean_start: CleanStart,
    /// MQTT 5 properties of the CONNECT packet.
    pub(crate) properties: Properties,
    /// Where the connection comes from.
    pub(crate) bind: Bind,
    /// Of several brokers, each client has an order of its own.
    pub(crate) are_shuffled: bool,
    /// Several brokers have one store of sessions.
    pub(crate) sessions_are_shared: bool,
}

/// Where a connection comes from; by default, the system chooses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bind {
    address: Option<IpAddr>,
    /// 0 for any.
    port: u16,
}

impl Bind {
    pub(crate) fn is_free(self) -> bool {
        self == Self::default()
    }

    /// Where a connection to `to` comes from; `None` where there can be none, as the other address is of another kind.
    pub(crate) fn towards(self, to: IpAddr) -> Option<SocketAddr> {
        let address = self.address.unwrap_or(match to {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        });
        (address.is_ipv4() == to.is_ipv4()).then_some(SocketAddr::new(address, self.port))
    }
}

/// Whether a connection starts with a new session or takes up the earlier one (MQTT 5, section 3.1.2.4).
///
/// `true` and `false` convert to `Always` and `Never`. Over MQTT 3.1.1 the client's `clean_session` decides instead.
///
/// ```
/// use rappel::{CleanStart, ConnectOptions};
///
/// assert_eq!(CleanStart::from(true), CleanStart::Always);
/// let options = ConnectOptions::new().clean_start(CleanStart::Never);
/// assert_eq!(options, ConnectOptions::new().clean_start(false));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CleanStart {
    /// A new session at the first connection, the same one at reconnections: the default. paho-python:
    /// `MQTT_CLEAN_START_FIRST_ONLY`.
    #[default]
    #[doc(alias = "MQTT_CLEAN_START_FIRST_ONLY")]
    FirstOnly,
    /// A new session every time. paho-python: `True`.
    Always,
    /// Always the earlier session, if the broker still has it. paho-python: `False`.
    Never,
}

impl ConnectOptions {
    /// The client's keep-alive, clean start at the first connection, no properties.
    ///
    /// ```
    /// use rappel::ConnectOptions;
    ///
    /// assert_eq!(ConnectOptions::new(), ConnectOptions::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest silence on the connection before the client pings, in seconds or as a [`Duration`]: up to 65,535 s,
    /// fractions of a second rounded up; zero switches pings off. Default: what
    /// [`keepalive_set`](crate::Client::keepalive_set) has set, or else 60 s. Any other makes the call fail with
    /// [`Error::InvalidKeepalive`](crate::types::Error::InvalidKeepalive).
    ///
    /// ```
    /// use std::time::Duration;
    /// use rappel::ConnectOptions;
    ///
    /// assert_eq!(ConnectOptions::new().keepalive(20), ConnectOptions::new().keepalive(Duration::from_secs(20)));
    /// ```
    pub fn keepalive(mut self, keepalive: impl IntoDuration) -> Self {
        self.keepalive = Some(keepalive.into_duration());
        self
    }

    /// The keep-alive asked for, checked; `None` when the client's own setting counts.
    pub(crate) fn checked_keepalive(&self) -> Result<Option<Duration>> {
        self.keepalive.map(check_keepalive).transpose()
    }

    /// When the broker forgets the earlier session: a [`CleanStart`] or a `bool`. MQTT 5 only; over MQTT 3.1.1 the call
    /// fails with [`Error::PropertiesNeedV5`](crate::types::Error::PropertiesNeedV5).
    ///
    /// ```
    /// use rappel::{CallbackApiVersion, Client, ConnectOptions, Protocol};
    ///
    /// let client = Client::builder(CallbackApiVersion::Version2).protocol(Protocol::V5).build()?;
    /// client.connect_async_with("mqttbroker.lan", 1883, ConnectOptions::new().clean_start(false))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn clean_start(mut self, clean_start: impl Into<CleanStart>) -> Self {
        self.clean_start = clean_start.into();
        self
    }

    /// MQTT 5 properties of the connection, such as its session expiry interval; default none.
    ///
    /// ```
    /// use rappel::{ConnectOptions, Properties};
    ///
    /// let an_hour = Properties::new().with_session_expiry_interval(3600);
    /// let options = ConnectOptions::new().clean_start(false).properties(an_hour);
    /// # let _ = options;
    /// ```
    pub fn properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// The address of this machine from which to connect, for a machine with several networks (paho-python:
    /// `bind_address`); default: the system chooses. One that the machine does not have makes the call fail with
    /// [`Error::Unreachable`](crate::types::Error::Unreachable). Of a broker's addresses, only those of the same kind
    /// (IPv4 or IPv6) are tried.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    ///
    /// let options = rappel::ConnectOptions::new().bind_address(Ipv4Addr::new(192, 168, 1, 20));
    /// # let _ = options;
    /// ```
    pub fn bind_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.bind.address = Some(address.into());
        self
    }

    /// The port of this machine from which to connect, for a firewall that lets only that one through (paho-python:
    /// `bind_port`); default 0: the system chooses. One that is in use makes the call fail with
    /// [`Error::Unreachable`](crate::types::Error::Unreachable).
    ///
    /// ```
    /// let options = rappel::ConnectOptions::new().bind_port(40_000);
    /// # let _ = options;
    /// ```
    pub fn bind_port(mut self, port: u16) -> Self {
        self.bind.port = port;
        self
    }
}

impl ConnectOptions {
    /// Whether several brokers are asked in an order of chance, another one for each client, so that many clients spread over
    /// them, and over those that are left when one is gone; default `false`: in the order given. Not in paho-python.
    ///
    /// ```
    /// let options = rappel::ConnectOptions::new().shuffled(true);
    /// # let _ = options;
    /// ```
    pub fn shuffled(mut self, shuffled: bool) -> Self {
        self.are_shuffled = shuffled;
        self
    }

    /// Whether several brokers are one cluster with one store of sessions, so that exchanges begun with one of its nodes go
    /// on with any other; default `false`: each has its own, and what was begun with one is published anew with another. Not
    /// in paho-python.
    ///
    /// ```
    /// let options = rappel::ConnectOptions::new().sessions_are_shared(true);
    /// # let _ = options;
    /// ```
    pub fn sessions_are_shared(mut self, shared: bool) -> Self {
        self.sessions_are_shared = shared;
        self
    }
}

impl From<bool> for CleanStart {
    fn from(clean_start: bool) -> Self {
        if clean_start { Self::Always } else { Self::Never }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_pythons() {
        let options = ConnectOptions::new();
        assert_eq!(options.checked_keepalive().ok(), Some(None));
        assert_eq!(options.clean_start, CleanStart::FirstOnly);
        assert!(options.bind.is_free());
        assert_eq!(options.clean_start(false).clean_start, CleanStart::Never);
    }

    #[test]
    fn a_connection_comes_from_an_address_of_the_same_kind() {
        let (v4, v6) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from(Ipv6Addr::LOCALHOST));
        let from_v4 = ConnectOptions::new().bind_address(v4).bind_port(7).bind;
        assert_eq!(from_v4.towards(v4), Some(SocketAddr::new(v4, 7)));
        assert_eq!(from_v4.towards(v6), None);
        let from_port = ConnectOptions::new().bind_port(7).bind;
        assert_eq!(from_port.towards(v6), Some(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 7)));
    }
}
