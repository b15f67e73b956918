//! Certificates of a test's own: an authority, what it signs, and files of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tempfile::TempDir;

use super::mosquitto::{Builder, free_port};

/// An authority, and a folder with all that it has made. The folder goes away with it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// When a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    Now,
    Past,
    Future,
}

impl Authority {
    /// A new one. Its certificate is in `ca.crt`.
    pub fn new(name: &str) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        fs::write(dir.path().join("ca.crt"), issuer.pem()).expect("the certificate");
        Authority { issuer, dir }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A certificate for `names`, which are also addresses.
    pub fn sign(&self, name: &str, names: &[&str]) -> Files {
        self.sign_for(name, names, Time::Now)
    }

    pub fn sign_for(&self, name: &str, names: &[&str], time: Time) -> Files {
        let (params, key) = (params(name, names, time), KeyPair::generate().expect("a key"));
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        self.write(name, &certificate, &key)
    }

    /// A certificate for the loopback address that nobody has signed but itself; `authority`: it could sign others too, as
    /// `openssl req -x509` makes them.
    pub fn self_signed(&self, name: &str, authority: bool) -> Files {
        let (mut params, key) =
            (params(name, &["127.0.0.1", "localhost"], Time::Now), KeyPair::generate().expect("a key"));
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&key).expect("a certificate");
        self.write(name, &certificate, &key)
    }

    fn write(&self, name: &str, certificate: &Certificate, key: &KeyPair) -> Files {
        let files = self.files(name);
        fs::write(&files.certificate, certificate.pem()).expect("the certificate");
        fs::write(&files.key, key.serialize_pem()).expect("the key");
        files
    }

    /// Where certificate and key of `name` are.
    pub fn files(&self, name: &str) -> Files {
        let file = |ending: &str| self.dir.path().join(format!("{name}.{ending}"));
        Files { certificate: file("crt"), key: file("key") }
    }

    /// Runs OpenSSL's program in the folder, for what only it makes.
    ///
    /// # Panics
    /// When it is not installed, with the command that installs it; when it fails.
    #[track_caller]
    pub fn openssl(&self, command: &str) {
        let output = Command::new("openssl").args(command.split(' ')).current_dir(self.dir()).output();
        let output = output.expect("openssl is not installed: sudo apt-get install openssl");
        assert!(output.status.success(), "openssl {command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn params(name: &str, names: &[&str], time: Time) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    match time {
        Time::Now => {}
        Time::Past => (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 2, 3)),
        Time::Future => params.not_before = date_time_ymd(4000, 1, 1),
    }
    params
}

/// Adds a listener with TLS and these certificates; its port.
pub fn with_tls(broker: Builder, files: &Files, lines: &str) -> (Builder, u16) {
    let port = free_port();
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let listener = format!("listener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n{lines}");
    (broker.extra_config(&listener), port)
}
