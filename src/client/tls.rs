//! Encrypted connections: whom to trust, and what to show.

use crate::client::Client;
use crate::tls::TlsContext;
use crate::types::{CertReqs, Error, Notice, Result, TlsOptions, language, tell};

/// # Encryption
impl<U: Send + Sync + 'static> Client<U> {
    /// Encrypts the connection, from the next one on (paho-python: `tls_set`). Needs the feature `tls`.
    ///
    /// The port stays the one given to [`connect`](Client::connect); brokers usually listen for TLS on 8883. The files are read
    /// once, now. Called again, it takes the place of what was set before, for a certificate that has been renewed; Python
    /// raises `ValueError`.
    ///
    /// ```no_run
    /// use rappel as pmc;
    ///
    /// # fn main() -> pmc::Result<()> {
    /// let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    /// client.tls_set(pmc::TlsOptions::new().ca_certs("/etc/mosquitto/ca.crt"))?;
    /// client.username_pw_set("info", "Password1234");
    /// client.connect("mqttbroker.lan", 8883)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::TlsFile`] for a file that is missing or not what it should be, [`Error::InvalidOption`] for options that do
    /// not go together; [`Error::TlsNotCompiled`] without the feature `tls`. What was set before then stays.
    ///
    /// What only the connection shows is an error of `connect`: [`Error::CertificateRefused`], [`Error::TlsRefused`],
    /// [`Error::NoTls`], [`Error::TlsFailed`].
    pub fn tls_set(&self, options: TlsOptions) -> Result<()> {
        let looked_at = options.cert_reqs == CertReqs::Required;
        let context = TlsContext::new(options)?;
        if !looked_at {
            log::warn!("{}", Notice::Insecure { call: "cert_reqs(CertReqs::None)" });
        }
        self.tls_set_context(context);
        Ok(())
    }

    /// Encrypts the connection, from the next one on, with options that are loaded already (paho-python: `tls_set_context`;
    /// what it does without an argument is `tls_set(TlsOptions::new())`).
    ///
    /// ```no_run
    /// # fn main() -> rappel::Result<()> {
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::{TlsContext, TlsOptions};
    ///
    /// let context = TlsContext::new(TlsOptions::new().ca_certs("/etc/mosquitto/ca.crt"))?;
    /// client.tls_set_context(context.clone()); // and other clients, without reading the file again
    /// # Ok(())
    /// # }
    /// ```
    pub fn tls_set_context(&self, context: TlsContext) {
        self.events().settings(|settings| settings.route.tls = Some(context));
    }

    /// Whether the broker's certificate may be one of another host (paho-python: `tls_insecure_set`); from the next connection
    /// on. Default: `false`. Called after `tls_set` or `tls_set_context`.
    ///
    /// With `true`, whoever has a certificate of an authority that is trusted may pass for the broker: for a first try only, and
    /// a warning in the log says so. As in Python, the authority still counts; it does not with
    /// [`CertReqs::None`](crate::CertReqs::None).
    ///
    /// ```no_run
    /// # fn main() -> rappel::Result<()> {
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.tls_set(rappel::TlsOptions::new().ca_certs("/etc/mosquitto/ca.crt"))?;
    /// client.tls_insecure_set(true)?;
    /// client.connect("10.10.10.23", 8883)?; // although the certificate is for mqttbroker.lan
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] before `tls_set`, and after a `tls_set_context` with a rustls configuration, which decides that
    /// itself.
    pub fn tls_insecure_set(&self, insecure: bool) -> Result<()> {
        self.events().settings(|settings| {
            let Some(context) = &settings.route.tls else {
                let problem = tell!(language(), "call tls_set first", "appelez tls_set d'abord");
                return Err(Error::InvalidOption { option: "tls_insecure_set", problem });
            };
            settings.route.tls = Some(context.insecure(insecure)?);
            Ok(())
        })?;
        if insecure {
            log::warn!("{}", Notice::Insecure { call: "tls_insecure_set(true)" });
        }
        Ok(())
    }
}
