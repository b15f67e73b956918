//! The options of `connect` and `connect_async`.

use std::time::Duration;

use crate::types::{GivenDuration, IntoDuration, Properties, Result, check_keepalive};

/// How to connect: keep-alive, clean start, properties.
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
}

/// Whether a connection starts with a new session or takes up the earlier one (MQTT 5, section 3.1.2.4).
///
/// `true` and `false` convert to `Always` and `Never`. Over MQTT 3.1.1 the client's `clean_session` decides instead.
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
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest silence on the connection before the client pings, in seconds or as a [`Duration`]: up to 65,535 s,
    /// fractions of a second rounded up; zero switches pings off. Default: what
    /// [`keepalive_set`](crate::Client::keepalive_set) has set, or else 60 s. Any other makes the call fail with
    /// [`Error::InvalidKeepalive`](crate::types::Error::InvalidKeepalive).
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
        assert_eq!(options.clean_start(false).clean_start, CleanStart::Never);
    }
}
