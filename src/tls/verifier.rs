//! Whether the broker's certificate is accepted, and if not, why.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error as TlsError, OtherError, RootCertStore, SignatureScheme};

/// Looks at certificates as Python does: the chain always unless `CertReqs::None` says otherwise, the host's name unless
/// `tls_insecure_set(true)` does.
#[derive(Debug, Clone)]
pub(super) struct Verifier {
    roots: Arc<RootCertStore>,
    /// Certificates that the program has given itself. One that has signed itself may be the broker's own.
    given: Arc<Vec<CertificateDer<'static>>>,
    algorithms: WebPkiSupportedAlgorithms,
    required: bool,
    check_host: bool,
}

/// What rustls has no words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    SelfSigned,
    Version1,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::SelfSigned => "the certificate has signed itself",
            Refusal::Version1 => "the certificate is of version 1",
        })
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for TlsError {
    fn from(refusal: Refusal) -> Self {
        TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
    }
}

impl Verifier {
    pub(super) fn new(
        roots: RootCertStore,
        given: Vec<CertificateDer<'static>>,
        algorithms: WebPkiSupportedAlgorithms,
        required: bool,
    ) -> Self {
        // Python: without a certificate, there is no host to look for in it.
        Verifier { roots: Arc::new(roots), given: Arc::new(given), algorithms, required, check_host: required }
    }

    pub(super) fn check_host(mut self, check: bool) -> Self {
        self.check_host = check;
        self
    }

    pub(super) fn checks_host(&self) -> bool {
        self.check_host
    }

    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), TlsError> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms) {
            // Its dates are good, as they are looked at first, and the program trusts this very certificate: that it
            // could also sign others, as `openssl req -x509` makes them, is no reason to refuse it.
            Err(error) if is_authority(&error) && self.given.contains(end_entity) => Ok(()),
            Err(error) if is_authority(&error) || is_unknown_issuer(&error) => {
                Err(if has_signed_itself(end_entity) { Refusal::SelfSigned.into() } else { error })
            }
            other => other,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = || {
            if self.required || self.check_host {
                self.verify_chain(end_entity, intermediates, now)?;
            }
            if self.check_host {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            Ok(ServerCertVerified::assertion())
        };
        verified().map_err(|error| if is_version_1(&error) { Refusal::Version1.into() } else { error })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What webpki said, where rustls has no words of its own for it.
fn of_webpki(error: &TlsError) -> Option<&webpki::Error> {
    match error {
        TlsError::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    }
}

fn is_authority(error: &TlsError) -> bool {
    matches!(of_webpki(error), Some(webpki::Error::CaUsedAsEndEntity))
}

fn is_version_1(error: &TlsError) -> bool {
    matches!(of_webpki(error), Some(webpki::Error::UnsupportedCertVersion))
}

fn is_unknown_issuer(error: &TlsError) -> bool {
    matches!(error, TlsError::InvalidCertificate(CertificateError::UnknownIssuer))
}

fn has_signed_itself(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok_and(|it| it.issuer() == it.subject())
}
