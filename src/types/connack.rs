//! The broker's answer to CONNECT in MQTT 3.1.1's own numbers.

use crate::types::ReasonCode;

/// What a broker of MQTT 3.1.1 answers to CONNECT (section 3.2.2.3).
///
/// Callbacks are never given it: `on_connect` gets a [`ReasonCode`] for both versions of MQTT. paho-python:
/// `ConnackCode`.
///
/// ```
/// use rappel::{ConnackCode, connack_string};
///
/// assert_eq!(connack_string(ConnackCode::RefusedIdentifierRejected), "Connection Refused: identifier rejected.");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnackCode {
    /// Accepted.
    #[doc(alias = "CONNACK_ACCEPTED")]
    Accepted = 0,
    /// The broker does not speak this version of MQTT.
    #[doc(alias = "CONNACK_REFUSED_PROTOCOL_VERSION")]
    RefusedProtocolVersion = 1,
    /// The broker does not accept the client id.
    #[doc(alias = "CONNACK_REFUSED_IDENTIFIER_REJECTED")]
    RefusedIdentifierRejected = 2,
    /// The broker cannot serve now.
    #[doc(alias = "CONNACK_REFUSED_SERVER_UNAVAILABLE")]
    RefusedServerUnavailable = 3,
    /// User name or password are wrong.
    #[doc(alias = "CONNACK_REFUSED_BAD_USERNAME_PASSWORD")]
    RefusedBadUsernamePassword = 4,
    /// The client may not connect.
    #[doc(alias = "CONNACK_REFUSED_NOT_AUTHORIZED")]
    RefusedNotAuthorized = 5,
}

/// A number of MQTT 3.1.1, as [`ConnackCode`] or as it is, or a [`ReasonCode`].
///
/// Made by `into()` in the call of [`connack_string`].
///
/// ```
/// use rappel::{ConnackCode, ConnackResult, connack_string};
///
/// let code: ConnackResult = ConnackCode::Accepted.into();
/// assert_eq!(connack_string(code), connack_string(0));
/// ```
#[derive(Debug, Clone, Copy)]
pub enum ConnackResult {
    /// A return code of MQTT 3.1.1: 0 accepted, 1 to 5 refused.
    ReturnCode(i32),
    /// A reason code, as `on_connect` gets it.
    ReasonCode(ReasonCode),
}

/// Python's sentence for the broker's answer: a number of MQTT 3.1.1 (0 to 5) or a [`ReasonCode`], which gives its name.
///
/// paho-python: `connack_string`.
///
/// ```
/// use rappel::{ConnackCode, PacketType, ReasonCode, connack_string};
///
/// assert_eq!(connack_string(5), "Connection Refused: not authorised.");
/// assert_eq!(connack_string(ConnackCode::Accepted), "Connection Accepted.");
/// assert_eq!(connack_string(ReasonCode::new(PacketType::Connack, 135)), "Not authorized");
/// ```
#[must_use]
pub fn connack_string(code: impl Into<ConnackResult>) -> &'static str {
    match code.into() {
        ConnackResult::ReasonCode(code) => code.name(),
        ConnackResult::ReturnCode(code) => match code {
            0 => "Connection Accepted.",
            1 => "Connection Refused: unacceptable protocol version.",
            2 => "Connection Refused: identifier rejected.",
            3 => "Connection Refused: broker unavailable.",
            4 => "Connection Refused: bad user name or password.",
            5 => "Connection Refused: not authorised.",
            _ => "Connection Refused: unknown reason.",
        },
    }
}

/// The reason code of MQTT 5 for an answer of MQTT 3.1.1, as `on_connect` gets it: 0, 132, 133, 136, 134 and 135 for 0 to
/// 5, and 128 for any other.
///
/// paho-python: `convert_connack_rc_to_reason_code`.
///
/// ```
/// use rappel::{ConnackCode, convert_connack_rc_to_reason_code};
///
/// assert_eq!(convert_connack_rc_to_reason_code(ConnackCode::RefusedNotAuthorized), 135);
/// assert_eq!(convert_connack_rc_to_reason_code(4), "Bad user name or password");
/// ```
#[must_use]
pub fn convert_connack_rc_to_reason_code(code: impl Into<i32>) -> ReasonCode {
    ReasonCode::from_connack_v3(u8::try_from(code.into()).unwrap_or(u8::MAX))
}

impl ConnackCode {
    /// The number on the wire, 0 to 5.
    ///
    /// ```
    /// assert_eq!(rappel::ConnackCode::RefusedNotAuthorized.value(), 5);
    /// ```
    #[must_use]
    pub const fn value(self) -> u8 {
        self as u8
    }
}

impl From<ConnackCode> for i32 {
    fn from(code: ConnackCode) -> Self {
        Self::from(code.value())
    }
}

impl From<i32> for ConnackResult {
    fn from(code: i32) -> Self {
        Self::ReturnCode(code)
    }
}

impl From<ConnackCode> for ConnackResult {
    fn from(code: ConnackCode) -> Self {
        Self::ReturnCode(code.into())
    }
}

impl From<ReasonCode> for ConnackResult {
    fn from(code: ReasonCode) -> Self {
        Self::ReasonCode(code)
    }
}
