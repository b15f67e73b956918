//! What rustls has to say, in the user's words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error as TlsError, InvalidMessage, PeerIncompatible};

use crate::tls::Refusal;
use crate::types::{CertificateProblem, Error};

/// The number of the alert `protocol_version` (RFC 8446, section 6).
const PROTOCOL_VERSION: u8 = 70;

/// Where the connection leads.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    pub(crate) fn failed(&self, problem: String) -> Error {
        Error::TlsFailed { host: self.host.clone(), port: self.port, problem }
    }
}

pub(crate) fn explain(error: &TlsError, place: &Place) -> Error {
    let (host, port) = (place.host.clone(), place.port);
    match error {
        TlsError::InvalidCertificate(problem) => {
            Error::CertificateRefused { host, port, problem: certificate(problem) }
        }
        TlsError::AlertReceived(alert) => Error::TlsRefused { host, port, alert: u8::from(*alert) },
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            Error::NoTls { host, port }
        }
        TlsError::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls12NotOffered,
        ) => Error::TlsRefused { host, port, alert: PROTOCOL_VERSION },
        other => place.failed(other.to_string()),
    }
}

fn certificate(error: &CertificateError) -> CertificateProblem {
    match error {
        CertificateError::Expired => CertificateProblem::Expired { not_after: None },
        CertificateError::ExpiredContext { not_after, .. } => {
            CertificateProblem::Expired { not_after: system_time(*not_after) }
        }
        CertificateError::NotValidYet => CertificateProblem::NotYetValid { not_before: None },
        CertificateError::NotValidYetContext { not_before, .. } => {
            CertificateProblem::NotYetValid { not_before: system_time(*not_before) }
        }
        CertificateError::NotValidForName => CertificateProblem::WrongHost { names: Vec::new() },
        CertificateError::NotValidForNameContext { presented, .. } => {
            CertificateProblem::WrongHost { names: presented.iter().map(|name| plain(name)).collect() }
        }
        CertificateError::UnknownIssuer => CertificateProblem::UnknownAuthority,
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(Refusal::SelfSigned) => CertificateProblem::SelfSigned,
            Some(Refusal::Version1) => CertificateProblem::Version1,
            None => CertificateProblem::Other { text: other.0.to_string() },
        },
        other => CertificateProblem::Other { text: other.to_string() },
    }
}

fn system_time(at: UnixTime) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(at.as_secs()))
}

/// `DnsName("pi.lan")` as `pi.lan`.
fn plain(name: &str) -> String {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inside.trim_matches('"').to_owned()
}
