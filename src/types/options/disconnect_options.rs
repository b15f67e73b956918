//! The options of `disconnect`.

use std::time::Duration;

use crate::types::{GivenDuration, IntoDuration, Properties, Result, check_duration};

/// How to disconnect: reason, properties, and how long to let messages finish.
///
/// paho-python: the arguments of `disconnect()`.
///
/// ```
/// use rappel::DisconnectOptions;
///
/// // 4: the broker publishes the will although the client leaves in good order.
/// let options = DisconnectOptions::new().reason_code(4).timeout(1);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct DisconnectOptions {
    /// The number sent to an MQTT 5 broker.
    pub(crate) reason_code: u8,
    /// MQTT 5 properties of the DISCONNECT packet.
    pub(crate) properties: Properties,
    /// How long queued messages may take to finish, not yet checked; `None` for the default.
    timeout: Option<GivenDuration>,
}

impl DisconnectOptions {
    /// Reason 0 ("Normal disconnection"), no properties, 5 seconds for what is not yet confirmed.
    ///
    /// ```
    /// use rappel::DisconnectOptions;
    ///
    /// assert_eq!(DisconnectOptions::new(), DisconnectOptions::new().reason_code(0));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Why the client leaves (MQTT 5, section 3.14.2.1): 0 (default) or, for example, 4, "Disconnect with will
    /// message". Not sent over MQTT 3.1.1. paho-python: `reasoncode`.
    ///
    /// ```
    /// let options = rappel::DisconnectOptions::new().reason_code(4);
    /// # let _ = options;
    /// ```
    #[doc(alias = "reasoncode")]
    pub fn reason_code(mut self, reason_code: u8) -> Self {
        self.reason_code = reason_code;
        self
    }

    /// MQTT 5 properties of the DISCONNECT packet; default none.
    ///
    /// ```
    /// use rappel::{DisconnectOptions, Properties};
    ///
    /// let options = DisconnectOptions::new().properties(Properties::new().with_reason_string("moving to another room"));
    /// # let _ = options;
    /// ```
    pub fn properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// How long messages already accepted may take to be sent and confirmed, in seconds or as a [`Duration`]; zero does
    /// not wait. Default: 5 seconds. Not in paho-python, which does not wait.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rappel::DisconnectOptions;
    ///
    /// assert_eq!(DisconnectOptions::new().timeout(0.5), DisconnectOptions::new().timeout(Duration::from_millis(500)));
    /// ```
    pub fn timeout(mut self, timeout: impl IntoDuration) -> Self {
        self.timeout = Some(timeout.into_duration());
        self
    }

    /// The time limit asked for, checked; `None` when the default counts.
    pub(crate) fn checked_timeout(&self) -> Result<Option<Duration>> {
        self.timeout.map(|given| check_duration("disconnect", given)).transpose()
    }
}
