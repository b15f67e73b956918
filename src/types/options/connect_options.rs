//! The options of `connect` and `connect_async`.

use std::time::Duration;

use crate::types::Properties;

/// How to connect: keep-alive, clean start, properties.
///
/// paho-python: the arguments of `connect()` after `port`.
///
/// ```
/// use std::time::Duration;
/// use rappel::ConnectOptions;
///
/// let options = ConnectOptions::new().keepalive(Duration::from_secs(20)).clean_start(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ConnectOptions {
    /// The longest silence on the connection; zero for no limit.
    pub(crate) keepalive: Duration,
    /// When the broker forgets the earlier session (MQTT 5).
    pub(crate) clean_start: CleanStart,
    /// MQTT 5 properties of the CONNECT packet.
    pub(crate) properties: Properties,
}

/// Whether a connection starts with a new session or takes up the earlier one (MQTT 5, section 3.1.2.4).
///
/// `true` and `false` convert to `Always` and `Never`. Over MQTT 3.1.1 the client's `clean_session` decides instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CleanStart {
    /// A new session at the first connection, the same one at reconnections: the default. paho-python:
    /// `MQTT_CLEAN_START_FIRST_ONLY`.
    #[default]
    FirstOnly,
    /// A new session every time. paho-python: `True`.
    Always,
    /// Always the earlier session, if the broker still has it. paho-python: `False`.
    Never,
}

impl ConnectOptions {
    /// Keep-alive of 60 s, clean start at the first connection, no properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest silence on the connection before the client pings: up to 65,535 s, fractions of a second
    /// rounded up; zero switches pings off. Default 60 s. A longer one makes the call fail with
    /// [`Error::InvalidKeepalive`](crate::types::Error::InvalidKeepalive).
    pub fn keepalive(mut self, keepalive: Duration) -> Self {
        self.keepalive = keepalive;
        self
    }

    /// When the broker forgets the earlier session: a [`CleanStart`] or a `bool`. MQTT 5 only.
    pub fn clean_start(mut self, clean_start: impl Into<CleanStart>) -> Self {
        self.clean_start = clean_start.into();
        self
    }

    /// MQTT 5 properties of the connection, such as its session expiry interval; default none.
    pub fn properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { keepalive: Duration::from_secs(60), clean_start: CleanStart::default(), properties: Properties::new() }
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
        assert_eq!(options.keepalive, Duration::from_secs(60));
        assert_eq!(options.clean_start, CleanStart::FirstOnly);
        assert_eq!(options.clean_start(false).clean_start, CleanStart::Never);
    }
}
