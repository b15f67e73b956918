//! The client's certificate and its private key, which may be encrypted.

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::InconsistentKeys;
use rustls::pki_types::pem::SectionKind;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::pem::{Purpose, bad_certificate, certificates, no_certificate};
use crate::types::{Error, Result, TlsOptions, language, tell};

/// With what the client shows who it is.
pub(super) struct Identity<'a> {
    /// The client's certificate first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    certfile: Purpose<'a>,
    keyfile: Purpose<'a>,
}

/// What `certfile` and `keyfile` hold; `None` where there are none.
pub(super) fn load_identity(options: &TlsOptions) -> Result<Option<Identity<'_>>> {
    let Some(source) = &options.certfile else {
        if options.keyfile.is_some() {
            let problem = tell!(
                language(),
                "a key without a certificate is of no use: give its certificate with TlsOptions::certfile",
                "une clé sans certificat ne sert à rien : donnez son certificat avec TlsOptions::certfile"
            );
            return Err(Error::InvalidOption { option: "keyfile", problem });
        }
        return Ok(None);
    };
    let certfile = Purpose { option: "certfile", source };
    let sections = certfile.sections(&certfile.read()?)?;
    let chain = certificates(&sections);
    if chain.is_empty() {
        return Err(certfile.problem(no_certificate(&sections)));
    }
    let keyfile = match &options.keyfile {
        Some(source) => Purpose { option: "keyfile", source },
        None => certfile,
    };
    let key = load_key(keyfile, options.keyfile_password.as_deref())?;
    Ok(Some(Identity { chain, key, certfile, keyfile }))
}

impl Identity<'_> {
    /// Why certificate and key cannot be used together.
    pub(super) fn unfit(&self, error: &rustls::Error) -> Error {
        let (language, certfile) = (language(), self.certfile.name());
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => self.keyfile.problem(tell!(
                language,
                "the key does not belong to the certificate in {certfile}: give the one with which it was requested",
                "la clé ne va pas avec le certificat de {certfile} : donnez celle avec laquelle il a été demandé"
            )),
            rustls::Error::General(problem) => self.keyfile.problem(tell!(
                language,
                "the key cannot be used ({problem}): it must be RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519",
                "la clé ne peut pas servir ({problem}) : il faut RSA d'au moins 2048 bits, ECDSA sur P-256 ou P-384, ou Ed25519"
            )),
            other => self.certfile.problem(bad_certificate(other)),
        }
    }
}

fn load_key(purpose: Purpose<'_>, password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>> {
    let bytes = purpose.read()?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(purpose.problem(convert(purpose, Unreadable::Old)));
    }
    if let Some(begin) = text.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return decrypt(purpose, &text[begin..], password);
    }
    let sections = purpose.sections(&bytes)?;
    for (kind, der) in &sections {
        let der = der.clone();
        return Ok(match kind {
            SectionKind::PrivateKey => PrivateKeyDer::Pkcs8(der.into()),
            SectionKind::RsaPrivateKey => PrivateKeyDer::Pkcs1(der.into()),
            SectionKind::EcPrivateKey => PrivateKeyDer::Sec1(der.into()),
            _ => continue,
        });
    }
    let language = language();
    Err(purpose.problem(match sections.first() {
        Some((SectionKind::Certificate, _)) if purpose.option == "certfile" => tell!(
            language,
            "it holds no private key beside the certificate: give the file of the key with TlsOptions::keyfile",
            "il ne contient pas de clé privée à côté du certificat : donnez le fichier de la clé avec TlsOptions::keyfile"
        ),
        Some((SectionKind::Certificate, _)) => tell!(
            language,
            "it holds a certificate and no private key: has it been taken for another file?",
            "il contient un certificat et pas de clé privée : est-ce le bon fichier ?"
        ),
        Some((SectionKind::PublicKey, _)) => tell!(
            language,
            "it holds a public key: the private one is needed",
            "il contient une clé publique : il faut la clé privée"
        ),
        _ => tell!(
            language,
            "it holds no private key: a file in PEM has a line -----BEGIN PRIVATE KEY-----",
            "il ne contient pas de clé privée : un fichier PEM a une ligne -----BEGIN PRIVATE KEY-----"
        ),
    }))
}

/// A key of PKCS #8 that is encrypted by PBES2, as OpenSSL has written them since version 1.1.
fn decrypt(purpose: Purpose<'_>, pem: &str, password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>> {
    let Ok((_, encrypted)) = SecretDocument::from_pem(first_section(pem)) else {
        return Err(purpose.problem(tell!(
            language(),
            "its PEM text is damaged; copy the file anew",
            "son texte PEM est abîmé ; recopiez le fichier"
        )));
    };
    let Some(password) = password else {
        return Err(purpose.problem(tell!(
            language(),
            "the key is encrypted: give its password with TlsOptions::keyfile_password",
            "la clé est chiffrée : donnez son mot de passe avec TlsOptions::keyfile_password"
        )));
    };
    let Ok(encrypted) = EncryptedPrivateKeyInfoRef::try_from(encrypted.as_bytes()) else {
        return Err(purpose.problem(convert(purpose, Unreadable::Unknown)));
    };
    match encrypted.decrypt(password) {
        Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
        Err(pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_)) => {
            Err(purpose.problem(tell!(
                language(),
                "the password given to TlsOptions::keyfile_password does not decrypt the key",
                "le mot de passe donné à TlsOptions::keyfile_password ne déchiffre pas la clé"
            )))
        }
        Err(_) => Err(purpose.problem(convert(purpose, Unreadable::Unknown))),
    }
}

/// Up to the end of the first section; others may follow.
fn first_section(pem: &str) -> &str {
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    pem.find(END).map_or(pem, |at| &pem[..at + END.len()])
}

/// Encryption that is not read here.
enum Unreadable {
    /// That of OpenSSL before 1.0, and of its option `-traditional`.
    Old,
    Unknown,
}

fn convert(purpose: Purpose<'_>, unreadable: Unreadable) -> String {
    let (language, file) = (language(), purpose.name());
    match unreadable {
        Unreadable::Old => tell!(
            language,
            "the key is encrypted in the old way (Proc-Type: 4,ENCRYPTED), which is not secure; convert it once: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in {file} -out new.key`",
            "la clé est chiffrée à l'ancienne (Proc-Type: 4,ENCRYPTED), ce qui n'est pas sûr ; convertissez-la une fois : `openssl pkcs8 -topk8 -v2 aes-256-cbc -in {file} -out nouvelle.key`"
        ),
        Unreadable::Unknown => tell!(
            language,
            "the key is encrypted in a way that is not known here; convert it once: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in {file} -out new.key`",
            "la clé est chiffrée d'une façon inconnue ici ; convertissez-la une fois : `openssl pkcs8 -topk8 -v2 aes-256-cbc -in {file} -out nouvelle.key`"
        ),
    }
}
