//! The options of `tls_set`.

use std::fmt;
use std::path::PathBuf;

/// How a connection is encrypted, whom it trusts, and how the client shows who it is (paho-python: the arguments of
/// `tls_set`).
///
/// Without any option the broker's certificate must be good for the host name that `connect` was given and come from an
/// authority that this machine trusts (`/etc/ssl/certs`), as for a web browser. A broker with a certificate of one's own
/// making needs [`ca_certs`](Self::ca_certs).
///
/// ```
/// use rappel::TlsOptions;
///
/// let options = TlsOptions::new().ca_certs("/etc/mosquitto/ca.crt");
/// # let _ = options;
/// ```
///
/// What is not in a file is given as it is: `ca_certs_pem(include_bytes!("ca.crt"))` takes it from the program itself.
#[derive(Clone, Default)]
#[must_use]
pub struct TlsOptions {
    /// Whom to trust; nobody named: whom the machine trusts.
    pub(crate) ca_certs: Vec<PemSource>,
    /// The client's certificate, then those that lead from it to its authority.
    pub(crate) certfile: Option<PemSource>,
    /// Its key; without one, it stands in `certfile` too.
    pub(crate) keyfile: Option<PemSource>,
    pub(crate) keyfile_password: Option<Vec<u8>>,
    pub(crate) cert_reqs: CertReqs,
    /// `None` for both.
    pub(crate) tls_version: Option<TlsVersion>,
    pub(crate) ciphers: Option<String>,
    pub(crate) alpn_protocols: Vec<Vec<u8>>,
}

/// Where PEM text comes from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PemSource {
    Path(PathBuf),
    Memory(Vec<u8>),
}

/// Whether the broker must show a certificate that is trusted (paho-python: `cert_reqs`).
///
/// ```
/// use rappel::{CertReqs, TlsOptions};
///
/// let options = TlsOptions::new().cert_reqs(CertReqs::None); // for a first try
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CertReqs {
    /// It must; the default. paho-python: `ssl.CERT_REQUIRED`.
    #[default]
    #[doc(alias = "CERT_REQUIRED")]
    Required,
    /// Any certificate will do, so that anybody may stand in for the broker: for a first try only.
    /// paho-python: `ssl.CERT_NONE`.
    #[doc(alias = "CERT_NONE")]
    None,
}

/// A version of TLS (paho-python: `tls_version`). Older ones are not secure, and not there.
///
/// ```
/// use rappel::{TlsOptions, TlsVersion};
///
/// let options = TlsOptions::new().tls_version(TlsVersion::V1_2);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2. paho-python: `ssl.PROTOCOL_TLSv1_2`.
    #[doc(alias = "PROTOCOL_TLSv1_2")]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsOptions {
    /// Trusts whom the machine trusts, shows no certificate, speaks TLS 1.3 or 1.2.
    ///
    /// ```no_run
    /// # fn main() -> rappel::Result<()> {
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.tls_set(rappel::TlsOptions::new())?;
    /// client.connect("test.mosquitto.org", 8886)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities whose certificates are in this file (PEM, or a single one as DER), and no others; of a
    /// folder, those in all its files. Called again, it adds to them. Default: those that the machine trusts, by the
    /// environment's `SSL_CERT_FILE` and `SSL_CERT_DIR` where they are set.
    ///
    /// The broker's own certificate may stand here too, where it has signed itself.
    ///
    /// ```
    /// let options = rappel::TlsOptions::new().ca_certs("/etc/mosquitto/ca.crt");
    /// # let _ = options;
    /// ```
    pub fn ca_certs(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_certs.push(PemSource::Path(path.into()));
        self
    }

    /// [`ca_certs`](Self::ca_certs), with the contents of the file (Python's `ssl`: `cadata`).
    ///
    /// ```
    /// use rappel::TlsOptions;
    ///
    /// let options = TlsOptions::new().ca_certs_pem(std::env::var("BROKER_CA").unwrap_or_default());
    /// # let _ = options;
    /// ```
    pub fn ca_certs_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certs.push(PemSource::Memory(pem.into()));
        self
    }

    /// Shows the broker the certificate in this file (PEM), for one that wants to know its clients that way (Mosquitto:
    /// `require_certificate`). Certificates that lead from it to its authority may follow it, and its key, without
    /// [`keyfile`](Self::keyfile). Default: none.
    ///
    /// ```
    /// let options = rappel::TlsOptions::new().certfile("pi.crt").keyfile("pi.key");
    /// # let _ = options;
    /// ```
    pub fn certfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.certfile = Some(PemSource::Path(path.into()));
        self
    }

    /// [`certfile`](Self::certfile), with the contents of the file.
    ///
    /// ```
    /// use rappel::TlsOptions;
    ///
    /// let identity = std::env::var("MQTT_IDENTITY").unwrap_or_default(); // certificate and key
    /// let options = TlsOptions::new().certfile_pem(identity);
    /// # let _ = options;
    /// ```
    pub fn certfile_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certfile = Some(PemSource::Memory(pem.into()));
        self
    }

    /// The private key of [`certfile`](Self::certfile) (PEM): RSA of 2048 bits and more, ECDSA on P-256 or P-384, or
    /// Ed25519; encrypted, where [`keyfile_password`](Self::keyfile_password) is given. Default: the key in `certfile`.
    ///
    /// ```
    /// let options = rappel::TlsOptions::new().certfile("pi.crt").keyfile("pi.key");
    /// # let _ = options;
    /// ```
    pub fn keyfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.keyfile = Some(PemSource::Path(path.into()));
        self
    }

    /// [`keyfile`](Self::keyfile), with the contents of the file.
    ///
    /// ```
    /// use rappel::TlsOptions;
    ///
    /// let key = std::env::var("MQTT_KEY").unwrap_or_default();
    /// let options = TlsOptions::new().certfile("pi.crt").keyfile_pem(key);
    /// # let _ = options;
    /// ```
    pub fn keyfile_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.keyfile = Some(PemSource::Memory(pem.into()));
        self
    }

    /// The password of an encrypted key: text or bytes. Nothing shows it. Python asks for it in the terminal where it is
    /// left out; here `tls_set` fails and says so.
    ///
    /// ```
    /// use rappel::TlsOptions;
    ///
    /// let password = std::env::var("KEY_PASSWORD").unwrap_or_default();
    /// let options = TlsOptions::new().certfile("pi.crt").keyfile("pi.key").keyfile_password(password);
    /// # let _ = options;
    /// ```
    pub fn keyfile_password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.keyfile_password = Some(password.as_ref().to_vec());
        self
    }

    /// Whether the broker's certificate must be trusted; default [`CertReqs::Required`].
    ///
    /// ```
    /// let options = rappel::TlsOptions::new().cert_reqs(rappel::CertReqs::None);
    /// # let _ = options;
    /// ```
    pub fn cert_reqs(mut self, cert_reqs: CertReqs) -> Self {
        self.cert_reqs = cert_reqs;
        self
    }

    /// The one version of TLS to speak; default: 1.3, or 1.2 where the broker has no other.
    ///
    /// ```
    /// let options = rappel::TlsOptions::new().tls_version(rappel::TlsVersion::V1_3);
    /// # let _ = options;
    /// ```
    pub fn tls_version(mut self, version: TlsVersion) -> Self {
        self.tls_version = Some(version);
        self
    }

    /// The cipher suites to offer, the best first, separated by colons, by OpenSSL's names
    /// (`ECDHE-RSA-AES128-GCM-SHA256`) or the standard's (`TLS_AES_128_GCM_SHA256`); default: all nine that there are,
    /// each of them secure. As in Python, those of TLS 1.3 stay as they are where none of them is named.
    ///
    /// ```
    /// let options = rappel::TlsOptions::new().ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256");
    /// # let _ = options;
    /// ```
    pub fn ciphers(mut self, ciphers: impl Into<String>) -> Self {
        self.ciphers = Some(ciphers.into());
        self
    }

    /// Protocols to offer by ALPN, the best first, for a port that serves several: `["mqtt"]`. AWS IoT wants
    /// `["x-amzn-mqtt-ca"]` on port 443. Default: none.
    ///
    /// ```
    /// let options = rappel::TlsOptions::new().alpn_protocols(["mqtt"]);
    /// # let _ = options;
    /// ```
    pub fn alpn_protocols<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.alpn_protocols = protocols.into_iter().map(Into::into).collect();
        self
    }
}

impl fmt::Debug for TlsOptions {
    /// Shows neither keys nor passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca_certs", &self.ca_certs)
            .field("certfile", &self.certfile)
            .field("keyfile", &self.keyfile)
            .field("keyfile_password", &self.keyfile_password.as_ref().map(|_| "[hidden]"))
            .field("cert_reqs", &self.cert_reqs)
            .field("tls_version", &self.tls_version)
            .field("ciphers", &self.ciphers)
            .field("alpn_protocols", &self.alpn_protocols)
            .finish()
    }
}

impl fmt::Debug for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PemSource::Path(path) => fmt::Debug::fmt(path, f),
            PemSource::Memory(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let options = TlsOptions::new()
            .ca_certs("ca.crt")
            .certfile_pem("CERTIFICATE")
            .keyfile_pem("SECRET")
            .keyfile_password("Password1234")
            .alpn_protocols(["mqtt"]);
        let debug = format!("{options:?}");
        assert!(debug.contains("ca.crt") && debug.contains("6 bytes") && debug.contains("[hidden]"), "{debug}");
        assert!(!debug.contains("SECRET") && !debug.contains("Password1234"), "{debug}");
        assert!(!debug.contains(&format!("{:?}", b"SECRET")), "{debug}");
    }

    #[test]
    fn defaults_are_pythons() {
        let options = TlsOptions::new();
        assert!(options.ca_certs.is_empty() && options.certfile.is_none() && options.alpn_protocols.is_empty());
        assert_eq!(options.cert_reqs, CertReqs::Required);
        assert_eq!((options.tls_version, options.ciphers), (None, None));
    }
}
