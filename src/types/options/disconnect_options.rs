//! The options of `disconnect`.

use std::time::Duration;

use crate::types::{Error, GivenDuration, IntoDuration, Properties, Result, check_duration, language, tell};

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
    /// The number sent to an MQTT 5 broker, not yet checked.
    reason_code: i32,
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

    /// Why the client leaves: the number, or a [`ReasonCode`](crate::ReasonCode), of those that a client may send (MQTT 5,
    /// section 3.14.2.1): 0 (default) or, for example, 4, "Disconnect with will message". Not sent over MQTT 3.1.1.
    /// paho-python: `reasoncode`.
    ///
    /// ```
    /// use rappel::{DisconnectOptions, PacketType, ReasonCode};
    ///
    /// let with_will = ReasonCode::from_name(PacketType::Disconnect, "Disconnect with will message").ok_or("no such name")?;
    /// assert_eq!(DisconnectOptions::new().reason_code(4), DisconnectOptions::new().reason_code(with_will));
    /// # Ok::<(), &str>(())
    /// ```
    #[doc(alias = "reasoncode")]
    pub fn reason_code(mut self, reason_code: impl Into<i32>) -> Self {
        self.reason_code = reason_code.into();
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

    /// The reason, if it is one of a client's (MQTT 5, table 3-10).
    pub(crate) fn checked_reason(&self) -> Result<u8> {
        let code = self.reason_code;
        match u8::try_from(code) {
            Ok(code @ (0 | 4 | 0x80..=0x83 | 0x90 | 0x93..=0x99)) => Ok(code),
            _ => Err(Error::InvalidOption {
                option: "reason_code",
                problem: tell!(
                    language(),
                    "a client does not leave with {code}: use 0, 4 (the will is published), or 128 to 131, 144, 147 to 153",
                    "un client ne part pas avec {code} : utilisez 0, 4 (le testament est publié), ou 128 à 131, 144, 147 à 153"
                ),
            }),
        }
    }

    /// The time limit asked for, checked; `None` when the default counts.
    pub(crate) fn checked_timeout(&self) -> Result<Option<Duration>> {
        self.timeout.map(|given| check_duration("disconnect", given)).transpose()
    }
}
