//! What a TLS connection needs to know before there is one: whom to trust, what to show, what to speak.
//!
//! rustls does the work; its configuration is made once, by `tls_set`, and shared by all connections of the client.

#[cfg(feature = "tls")]
mod ciphers;
#[cfg(feature = "tls")]
mod config;
#[cfg(feature = "tls")]
mod keys;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "tls")]
mod verifier;

use std::fmt;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use rustls::ClientConfig;

use crate::types::{Error, Result, TlsOptions};
#[cfg(feature = "tls")]
use crate::types::{language, tell};
#[cfg(feature = "tls")]
use verifier::Verifier;

#[cfg(feature = "tls")]
pub(crate) use verifier::Refusal;

/// Options of TLS, checked and loaded, for any number of clients (paho-python: an `ssl.SSLContext`).
///
/// [`Client::tls_set`](crate::Client::tls_set) makes one by itself. Many clients that share one read the files once, and
/// resume each other's TLS sessions.
///
/// ```
/// use rappel as pmc;
///
/// # fn main() -> pmc::Result<()> {
/// # if cfg!(feature = "tls") {
/// let context = pmc::TlsContext::new(pmc::TlsOptions::new().cert_reqs(pmc::CertReqs::None))?;
/// let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
/// client.tls_set_context(context);
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsContext {
    #[cfg(feature = "tls")]
    config: Arc<ClientConfig>,
    /// Who looks at the broker's certificate; `None` where the configuration was given as a whole.
    #[cfg(feature = "tls")]
    verifier: Option<Verifier>,
    /// Without the feature there is none.
    #[cfg(not(feature = "tls"))]
    never: std::convert::Infallible,
}

#[cfg(feature = "tls")]
impl TlsContext {
    /// Loads and checks what `options` name.
    ///
    /// ```no_run
    /// let context = rappel::TlsContext::new(rappel::TlsOptions::new())?; // whom the machine trusts
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::TlsFile`] for a file that is missing, or not what it should be; [`Error::InvalidOption`] for options that do not
    /// go together; [`Error::TlsNotCompiled`] without the feature `tls`.
    pub fn new(options: TlsOptions) -> Result<Self> {
        let (config, verifier) = config::load(&options)?;
        Ok(TlsContext { config: Arc::new(config), verifier: Some(verifier) })
    }

    /// Takes a configuration of rustls 0.23 as it is, for what [`TlsOptions`] do not have: certificates from a chip or from the
    /// system's own store, lists of revoked ones. Needs the feature `tls`; the version in the name is part of the promise
    /// that a newer rustls breaks no program.
    ///
    /// paho-python: `tls_set_context(context)`.
    ///
    /// ```no_run
    /// use rustls::{ClientConfig, RootCertStore};
    ///
    /// let provider = rustls::crypto::ring::default_provider();
    /// let config = ClientConfig::builder_with_provider(provider.into())
    ///     .with_safe_default_protocol_versions()
    ///     .expect("ring has suites for them")
    ///     .with_root_certificates(RootCertStore::empty()) // yours
    ///     .with_no_client_auth();
    /// let context = rappel::TlsContext::from_rustls_0_23(config);
    /// # let _ = context;
    /// ```
    pub fn from_rustls_0_23(config: impl Into<Arc<ClientConfig>>) -> Self {
        TlsContext { config: config.into(), verifier: None }
    }

    pub(crate) fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Whether the broker may have a certificate of another host.
    pub(crate) fn is_insecure(&self) -> bool {
        self.verifier.as_ref().is_some_and(|verifier| !verifier.checks_host())
    }

    /// The same, with the host's name looked at or not.
    pub(crate) fn insecure(&self, insecure: bool) -> Result<Self> {
        let Some(verifier) = &self.verifier else {
            let problem = tell!(
                language(),
                "the rustls configuration given to tls_set_context decides which certificates are good: give it a verifier of its own",
                "c'est la configuration rustls donnée à tls_set_context qui décide quels certificats sont bons : donnez-lui un vérificateur à elle"
            );
            return Err(Error::InvalidOption { option: "tls_insecure_set", problem });
        };
        let verifier = verifier.clone().check_host(!insecure);
        let config = config::with_verifier(&self.config, &verifier);
        Ok(TlsContext { config: Arc::new(config), verifier: Some(verifier) })
    }
}

#[cfg(not(feature = "tls"))]
impl TlsContext {
    /// Loads and checks what `options` name.
    ///
    /// # Errors
    /// [`Error::TlsNotCompiled`]: this needs the feature `tls`.
    pub fn new(_: TlsOptions) -> Result<Self> {
        Err(Error::TlsNotCompiled)
    }

    pub(crate) fn is_insecure(&self) -> bool {
        self.absurd()
    }

    /// There is none.
    pub(crate) fn absurd<T>(&self) -> T {
        match self.never {}
    }

    pub(crate) fn insecure(&self, _: bool) -> Result<Self> {
        self.absurd()
    }
}

impl fmt::Debug for TlsContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsContext").field("insecure", &self.is_insecure()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(feature = "tls")))]
mod tests {
    use super::*;

    #[test]
    fn without_the_feature_the_error_says_what_to_add() {
        let error = TlsContext::new(TlsOptions::new()).expect_err("TLS is not compiled");
        assert!(error.to_string().contains("--features tls"), "{error}");
    }
}
