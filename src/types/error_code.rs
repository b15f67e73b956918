//! paho-python's error numbers and the sentences that go with them.

use std::fmt;

use crate::types::ReasonCode;

/// What a call of paho-python would return, with the same numbers; here mostly a short form of an
/// [`Error`](crate::types::Error).
///
/// paho-python: `MQTTErrorCode`, without the prefix `MQTT_ERR_`.
///
/// ```
/// use rappel::{ErrorCode, error_string};
///
/// assert_eq!(ErrorCode::NoConn, 4);
/// assert_eq!(error_string(ErrorCode::NoConn), "The client is not currently connected.");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ErrorCode {
    /// Not finished yet; try again.
    Again = -1,
    /// All went well.
    #[default]
    Success = 0,
    /// Out of memory.
    NoMem = 1,
    /// The broker sent something that is not MQTT.
    Protocol = 2,
    /// An argument is not valid, or the call makes no sense now.
    Inval = 3,
    /// The client is not connected.
    NoConn = 4,
    /// The broker refused the connection.
    ConnRefused = 5,
    /// Message not found.
    NotFound = 6,
    /// The connection was lost.
    ConnLost = 7,
    /// TLS failed.
    Tls = 8,
    /// The payload is too large.
    PayloadSize = 9,
    /// Not supported, for example by this version of MQTT.
    NotSupported = 10,
    /// Authentication failed.
    Auth = 11,
    /// The broker's access list says no.
    AclDenied = 12,
    /// Any other error.
    Unknown = 13,
    /// An error of the operating system.
    Errno = 14,
    /// The queue of outgoing messages is full.
    QueueSize = 15,
    /// Nothing was heard during the keep-alive interval.
    Keepalive = 16,
}

/// What a broker answered to CONNECT: a return code of MQTT 3.1.1 as a number, or a [`ReasonCode`].
///
/// Made by `into()` in the call of [`connack_string`].
#[derive(Debug, Clone, Copy)]
pub enum ConnackResult {
    /// A return code of MQTT 3.1.1: 0 accepted, 1 to 5 refused.
    ReturnCode(i32),
    /// A reason code, as `on_connect` gets it.
    ReasonCode(ReasonCode),
}

/// Python's sentence for an error number.
///
/// paho-python: `error_string`.
#[must_use]
pub const fn error_string(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Success => "No error.",
        ErrorCode::NoMem => "Out of memory.",
        ErrorCode::Protocol => "A network protocol error occurred when communicating with the broker.",
        ErrorCode::Inval => "Invalid function arguments provided.",
        ErrorCode::NoConn => "The client is not currently connected.",
        ErrorCode::ConnRefused => "The connection was refused.",
        ErrorCode::NotFound => "Message not found (internal error).",
        ErrorCode::ConnLost => "The connection was lost.",
        ErrorCode::Tls => "A TLS error occurred.",
        ErrorCode::PayloadSize => "Payload too large.",
        ErrorCode::NotSupported => "This feature is not supported.",
        ErrorCode::Auth => "Authorisation failed.",
        ErrorCode::AclDenied => "Access denied by ACL.",
        ErrorCode::Errno => "Error defined by errno.",
        ErrorCode::QueueSize => "Message queue full.",
        ErrorCode::Keepalive => "Client or broker did not communicate in the keepalive interval.",
        // Python has no sentence for `Again` either.
        ErrorCode::Unknown | ErrorCode::Again => "Unknown error.",
    }
}

/// Python's sentence for the broker's answer: a number of MQTT 3.1.1 (0 to 5) or a [`ReasonCode`], which gives its name.
///
/// paho-python: `connack_string`.
///
/// ```
/// use rappel::{PacketType, ReasonCode, connack_string};
///
/// assert_eq!(connack_string(5), "Connection Refused: not authorised.");
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

impl ErrorCode {
    /// Python's number, -1 to 16.
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

impl From<i32> for ConnackResult {
    fn from(code: i32) -> Self {
        Self::ReturnCode(code)
    }
}

impl From<ReasonCode> for ConnackResult {
    fn from(code: ReasonCode) -> Self {
        Self::ReasonCode(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_pythons() {
        let expected = [
            (ErrorCode::Again, -1, "Unknown error."),
            (ErrorCode::Success, 0, "No error."),
            (ErrorCode::NoConn, 4, "The client is not currently connected."),
            (ErrorCode::Tls, 8, "A TLS error occurred."),
            (ErrorCode::Unknown, 13, "Unknown error."),
            (ErrorCode::Keepalive, 16, "Client or broker did not communicate in the keepalive interval."),
        ];
        for (code, number, text) in expected {
            assert_eq!((code.value(), code.to_string().as_str()), (number, text));
            assert_eq!(code, number);
            assert_eq!(number, code);
        }
    }

    #[test]
    fn connack_strings() {
        assert_eq!(connack_string(0), "Connection Accepted.");
        assert_eq!(connack_string(4), "Connection Refused: bad user name or password.");
        assert_eq!(connack_string(6), "Connection Refused: unknown reason.");
    }
}
