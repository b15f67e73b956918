//! The options of `tls_set` as a configuration of rustls.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

use super::keys::load_identity;
use super::verifier::Verifier;
use super::{ciphers, pem};
use crate::types::{CertReqs, Error, Result, TlsOptions, TlsVersion, language, tell};

/// The configuration, and who looks at the broker's certificate in it.
pub(super) fn load(options: &TlsOptions) -> Result<(ClientConfig, Verifier)> {
    let identity = load_identity(options)?;
    let provider = Arc::new(provider(options)?);
    let (roots, given) = trusted(options)?;
    let verifier = Verifier::new(
        roots,
        given,
        provider.signature_verification_algorithms,
        options.cert_reqs == CertReqs::Required,
    );
    let versions = match options.tls_version {
        None => &[&TLS13, &TLS12][..],
        Some(TlsVersion::V1_2) => &[&TLS12],
        Some(TlsVersion::V1_3) => &[&TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|_| no_cipher_is_left())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier.clone()));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = identity.chain.clone();
            builder.with_client_auth_cert(chain, identity.key.clone_key()).map_err(|error| identity.unfit(&error))?
        }
    };
    config.alpn_protocols.clone_from(&options.alpn_protocols);
    Ok((config, verifier))
}

/// The same configuration with another verifier. A TLS session that the first one has accepted is not resumed.
pub(super) fn with_verifier(config: &ClientConfig, verifier: &Verifier) -> ClientConfig {
    let mut config = config.clone();
    config.resumption = Resumption::default();
    config.dangerous().set_certificate_verifier(Arc::new(verifier.clone()));
    config
}

/// What encrypts: ring, with the suites asked for.
fn provider(options: &TlsOptions) -> Result<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    if let Some(wanted) = &options.ciphers {
        provider.cipher_suites = ciphers::choose(wanted, &provider.cipher_suites)?;
    }
    Ok(provider)
}

fn no_cipher_is_left() -> Error {
    let problem = tell!(
        language(),
        "none of these suites belongs to the TLS version of tls_version",
        "aucune de ces suites n'appartient à la version de TLS donnée à tls_version"
    );
    Error::InvalidOption { option: "ciphers", problem }
}

/// Whom to trust, and the certificates that the program has given itself.
fn trusted(options: &TlsOptions) -> Result<(RootCertStore, Vec<CertificateDer<'static>>)> {
    let mut roots = RootCertStore::empty();
    if options.ca_certs.is_empty() {
        // Nobody is trusted where nothing is looked at.
        if options.cert_reqs == CertReqs::Required {
            trust_the_machine(&mut roots)?;
        }
        return Ok((roots, Vec::new()));
    }
    let mut given = Vec::new();
    for source in &options.ca_certs {
        given.extend(pem::authorities(source, &mut roots)?);
    }
    Ok((roots, given))
}

/// Trusts whom the machine trusts. A few certificates that cannot be read do no harm to the others.
fn trust_the_machine(roots: &mut RootCertStore) -> Result<()> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::debug!("of the trusted certificates of this machine: {error}");
    }
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(());
    }
    let cause = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    let problem = tell!(
        language(),
        "this machine has no trusted certificates{cause}: install them (`sudo apt install ca-certificates`), or name those of the broker's authority with TlsOptions::ca_certs",
        "cette machine n'a pas de certificats de confiance{cause} : installez-les (`sudo apt install ca-certificates`), ou donnez ceux de l'autorité du broker avec TlsOptions::ca_certs"
    );
    Err(Error::InvalidOption { option: "ca_certs", problem })
}
