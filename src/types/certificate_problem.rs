//! Why a certificate is not accepted.

use std::time::SystemTime;

/// What is wrong with the certificate that a broker has shown: see
/// [`Error::CertificateRefused`](crate::Error::CertificateRefused).
///
/// ```no_run
/// use rappel::{CertificateProblem, Error};
///
/// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// match client.connect("mqttbroker.lan", 8883) {
///     Err(Error::CertificateRefused { problem: CertificateProblem::Expired { .. }, .. }) => println!("à renouveler"),
///     other => other?,
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// Its time is over, by this machine's clock.
    Expired {
        /// Since when.
        not_after: Option<SystemTime>,
    },
    /// Its time has not begun, by this machine's clock.
    NotYetValid {
        /// When it begins.
        not_before: Option<SystemTime>,
    },
    /// It is for another host than the one that `connect` was given.
    WrongHost {
        /// The names and addresses it is for; none where it has no Subject Alternative Name.
        names: Vec<String>,
    },
    /// Nobody who is trusted has signed it.
    UnknownAuthority,
    /// It has signed itself, and is not among those that are trusted.
    SelfSigned,
    /// It is of version 1, in which it cannot say which host it is for: `openssl x509 -req` makes such ones unless it is
    /// given an `-extfile`.
    Version1,
    /// Something else.
    Other {
        /// What exactly.
        text: String,
    },
}
