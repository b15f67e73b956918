//! The short forms of an error: paho-python's number, the broker's reason, the system's.

use crate::types::{Error, ErrorCode, PacketType, ReasonCode};

impl Error {
    /// The number paho-python returns in this case, or the nearest one where it raises an exception.
    ///
    /// ```
    /// use rappel::{ErrorCode, Qos};
    ///
    /// assert_eq!(Qos::try_from(3).unwrap_err().code(), ErrorCode::Inval);
    /// ```
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::EmptyTopic
            | Self::WildcardInTopic { .. }
            | Self::NulInText { .. }
            | Self::TextTooLong { .. }
            | Self::InvalidFilter { .. }
            | Self::NoFilter
            | Self::InvalidQos { .. }
            | Self::InvalidProperty { .. }
            | Self::InvalidHost { .. }
            | Self::InvalidPort
            | Self::InvalidKeepalive { .. }
            | Self::InvalidSeconds { .. }
            | Self::InvalidPayload { .. }
            | Self::ClientIdRequired
            | Self::InvalidOption { .. }
            | Self::NotAwaitingAck { .. }
            | Self::TlsFile { .. }
            | Self::LoopRunning
            | Self::NoLoop
            | Self::InCallback { .. }
            | Self::UnknownTopicAlias { .. } => ErrorCode::Inval,
            Self::PayloadTooLarge { .. } | Self::PacketTooLarge { .. } => ErrorCode::PayloadSize,
            Self::QueueFull { .. }
            | Self::QueueBytesFull { .. }
            | Self::Replaced
            | Self::TakenBack
            | Self::MessageExpired { .. } => ErrorCode::QueueSize,
            Self::PropertiesNeedV5
            | Self::RetainNotSupported
            | Self::QosNotSupported { .. }
            | Self::TopicAliasTooHigh { .. }
            | Self::SubscriptionNotSupported { .. }
            | Self::EngineNotCompiled
            | Self::TlsNotCompiled
            | Self::TransportNotAvailable { .. } => ErrorCode::NotSupported,
            Self::NotConnected { .. } | Self::NoConnectionRequested | Self::Cancelled | Self::Dropped => {
                ErrorCode::NoConn
            }
            Self::NameNotFound { .. }
            | Self::Unreachable { .. }
            | Self::SocketUnreachable { .. }
            | Self::Proxy { .. }
            | Self::WebSocket { .. }
            | Self::ConnectTimeout { .. }
            | Self::Storage { .. } => ErrorCode::Errno,
            Self::CertificateRefused { .. }
            | Self::TlsRefused { .. }
            | Self::TlsFailed { .. }
            | Self::NoTls { .. }
            | Self::NeedsTls { .. } => ErrorCode::Tls,
            Self::ClosedDuringConnect { .. } | Self::Unconfirmed { .. } | Self::HungUp { .. } => ErrorCode::ConnLost,
            Self::ConnectionLost { code } if *code == 141 => ErrorCode::Keepalive,
            Self::ConnectionLost { .. } => ErrorCode::ConnLost,
            Self::Protocol { .. } => ErrorCode::Protocol,
            Self::Refused { .. } => ErrorCode::ConnRefused,
            Self::PublishRefused { code, .. } | Self::SubscriptionRefused { code, .. } if *code == 135 => {
                ErrorCode::AclDenied
            }
            Self::PublishRefused { .. } | Self::SubscriptionRefused { .. } | Self::Engine { .. } => ErrorCode::Unknown,
            Self::Timeout { .. } => ErrorCode::Again,
        }
    }

    /// The broker's reason, where the error comes from a packet or a lost connection.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.username_pw_set("alice", "faux");
    /// match client.connect("mqttbroker.lan", 1883) {
    ///     Err(error) if error.reason_code().is_some_and(|code| code == "Not authorized") => println!("ask for a password"),
    ///     other => other?,
    /// }
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn reason_code(&self) -> Option<ReasonCode> {
        match self {
            Self::Refused { code, .. }
            | Self::ConnectionLost { code }
            | Self::PublishRefused { code, .. }
            | Self::SubscriptionRefused { code, .. } => Some(*code),
            Self::HungUp { .. } => Some(ReasonCode::new(PacketType::Puback, 131)),
            _ => None,
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NameNotFound { cause, .. }
            | Self::Unreachable { cause, .. }
            | Self::SocketUnreachable { cause, .. } => Some(&**cause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;
    use crate::types::Properties;

    #[test]
    fn codes_are_pythons() {
        let lost = |value| Error::ConnectionLost { code: ReasonCode::new(PacketType::Disconnect, value) };
        let refused = Error::Refused {
            host: "h".to_owned(),
            port: 1883,
            code: ReasonCode::new(PacketType::Connack, 135),
            properties: Properties::new(),
        };
        assert_eq!(refused.reason_code(), Some(ReasonCode::new(PacketType::Connack, 135)));
        assert_eq!(Error::NoLoop.reason_code(), None);
        let cause = Arc::new(io::Error::from(io::ErrorKind::TimedOut));
        let expected = [
            (Error::EmptyTopic, 3),
            (Error::NotConnected { what: "publish" }, 4),
            (refused, 5),
            (lost(128), 7),
            (lost(141), 16),
            (Error::PayloadTooLarge { len: 1, limit: 0 }, 9),
            (Error::QueueFull { limit: 1 }, 15),
            (Error::Unreachable { host: "h".to_owned(), port: 1, cause }, 14),
        ];
        for (error, code) in expected {
            assert_eq!(error.code(), code, "{error}");
        }
    }
}
