//! paho-python's error numbers and the sentences that go with them.

use std::cmp::Ordering;
use std::fmt;

use crate::types::{PacketType, ReasonCode};

/// What a call of paho-python would return, with the same numbers; here mostly a short form of an
/// [`Error`](crate::types::Error).
///
/// paho-python: `MQTTErrorCode`, without the prefix `MQTT_ERR_`.
///
/// ```
/// use rappel::{ErrorCode, error_string};
///
/// assert_eq!(ErrorCode::NoConn, 4);
/// assert!(ErrorCode::NoConn > 0);
/// assert_eq!(error_string(ErrorCode::NoConn), "The client is not currently connected.");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ErrorCode {
    /// Not finished yet; try again.
    #[doc(alias = "MQTT_ERR_AGAIN")]
    Again = -1,
    /// All went well.
    #[default]
    #[doc(alias = "MQTT_ERR_SUCCESS")]
    Success = 0,
    /// Out of memory.
    #[doc(alias = "MQTT_ERR_NOMEM")]
    NoMem = 1,
    /// The broker sent something that is not MQTT.
    #[doc(alias = "MQTT_ERR_PROTOCOL")]
    Protocol = 2,
    /// An argument is not valid, or the call makes no sense now.
    #[doc(alias = "MQTT_ERR_INVAL")]
    Inval = 3,
    /// The client is not connected.
    #[doc(alias = "MQTT_ERR_NO_CONN")]
    NoConn = 4,
    /// The broker refused the connection.
    #[doc(alias = "MQTT_ERR_CONN_REFUSED")]
    ConnRefused = 5,
    /// Message not found.
    #[doc(alias = "MQTT_ERR_NOT_FOUND")]
    NotFound = 6,
    /// The connection was lost.
    #[doc(alias = "MQTT_ERR_CONN_LOST")]
    ConnLost = 7,
    /// TLS failed.
    #[doc(alias = "MQTT_ERR_TLS")]
    Tls = 8,
    /// The payload is too large.
    #[doc(alias = "MQTT_ERR_PAYLOAD_SIZE")]
    PayloadSize = 9,
    /// Not supported, for example by this version of MQTT.
    #[doc(alias = "MQTT_ERR_NOT_SUPPORTED")]
    NotSupported = 10,
    /// Authentication failed.
    #[doc(alias = "MQTT_ERR_AUTH")]
    Auth = 11,
    /// The broker's access list says no.
    #[doc(alias = "MQTT_ERR_ACL_DENIED")]
    AclDenied = 12,
    /// Any other error.
    #[doc(alias = "MQTT_ERR_UNKNOWN")]
    Unknown = 13,
    /// An error of the operating system.
    #[doc(alias = "MQTT_ERR_ERRNO")]
    Errno = 14,
    /// The queue of outgoing messages is full.
    #[doc(alias = "MQTT_ERR_QUEUE_SIZE")]
    QueueSize = 15,
    /// Nothing was heard during the keep-alive interval.
    #[doc(alias = "MQTT_ERR_KEEPALIVE")]
    Keepalive = 16,
}

/// Python's sentence for an error number: an [`ErrorCode`], or the number itself.
///
/// paho-python: `error_string`.
///
/// ```
/// use rappel::{ErrorCode, error_string};
///
/// assert_eq!(error_string(ErrorCode::QueueSize), "Message queue full.");
/// assert_eq!(error_string(15), "Message queue full.");
/// ```
#[must_use]
pub fn error_string(code: impl Into<i32>) -> &'static str {
    match code.into() {
        0 => "No error.",
        1 => "Out of memory.",
        2 => "A network protocol error occurred when communicating with the broker.",
        3 => "Invalid function arguments provided.",
        4 => "The client is not currently connected.",
        5 => "The connection was refused.",
        6 => "Message not found (internal error).",
        7 => "The connection was lost.",
        8 => "A TLS error occurred.",
        9 => "Payload too large.",
        10 => "This feature is not supported.",
        11 => "Authorisation failed.",
        12 => "Access denied by ACL.",
        14 => "Error defined by errno.",
        15 => "Message queue full.",
        16 => "Client or broker did not communicate in the keepalive interval.",
        _ => "Unknown error.",
    }
}

/// The reason with which `on_disconnect` runs when the connection ended with this number.
///
/// paho-python: `convert_disconnect_error_code_to_reason_code`.
///
/// ```
/// use rappel::{ErrorCode, convert_disconnect_error_code_to_reason_code};
///
/// assert_eq!(convert_disconnect_error_code_to_reason_code(ErrorCode::Keepalive), "Keep alive timeout");
/// ```
#[must_use]
pub fn convert_disconnect_error_code_to_reason_code(code: ErrorCode) -> ReasonCode {
    let value = match code {
        ErrorCode::Success => 0,
        ErrorCode::Keepalive => 141,
        ErrorCode::Protocol => 130,
        _ => 128,
    };
    ReasonCode::new(PacketType::Disconnect, value)
}

impl ErrorCode {
    /// Python's number, -1 to 16.
    ///
    /// ```
    /// assert_eq!(rappel::ErrorCode::NoConn.value(), 4);
    /// ```
    #[must_use]
    pub const fn value(self) -> i32 {
        self as i32
    }
}

impl fmt::Display for ErrorCode {
    /// Shows [`error_string`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(error_string(*self))
    }
}

impl PartialEq<i32> for ErrorCode {
    fn eq(&self, other: &i32) -> bool {
        self.value() == *other
    }
}

impl PartialEq<ErrorCode> for i32 {
    fn eq(&self, other: &ErrorCode) -> bool {
        other == self
    }
}

impl PartialOrd<i32> for ErrorCode {
    fn partial_cmp(&self, other: &i32) -> Option<Ordering> {
        Some(self.value().cmp(other))
    }
}

impl From<ErrorCode> for i32 {
    fn from(code: ErrorCode) -> Self {
        code.value()
    }
}
