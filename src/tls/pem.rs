//! Files of certificates and keys: reading them, and saying what is wrong with them.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{PemObject, SectionKind};

use crate::types::{Error, PemSource, Result, language, tell};

/// What a file is for: the option that names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) option: &'static str,
    pub(super) source: &'a PemSource,
}

impl Purpose<'_> {
    /// The error that says what is wrong.
    pub(super) fn problem(&self, problem: String) -> Error {
        Error::TlsFile { option: self.option, file: self.name(), problem }
    }

    /// The file as a command line may have it.
    pub(super) fn name(&self) -> String {
        match self.source {
            PemSource::Path(path) => path.display().to_string(),
            PemSource::Memory(_) => tell!(language(), "(from memory)", "(en mémoire)"),
        }
    }

    pub(super) fn read(&self) -> Result<Vec<u8>> {
        match self.source {
            PemSource::Path(path) => fs::read(path).map_err(|error| self.unreadable(&error)),
            PemSource::Memory(bytes) => Ok(bytes.clone()),
        }
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        let language = language();
        self.problem(match error.kind() {
            ErrorKind::NotFound => tell!(
                language,
                "there is no such file; check the path, from the folder where the program is started",
                "ce fichier n'existe pas ; vérifiez le chemin, à partir du dossier où le programme est lancé"
            ),
            ErrorKind::PermissionDenied => tell!(
                language,
                "this user may not read it; `ls -l` shows who may",
                "cet utilisateur n'a pas le droit de le lire ; `ls -l` montre qui l'a"
            ),
            ErrorKind::IsADirectory => tell!(
                language,
                "it is a folder; give the file in it",
                "c'est un dossier ; donnez le fichier qui s'y trouve"
            ),
            _ => tell!(language, "it cannot be read: {error}", "il ne peut pas être lu : {error}"),
        })
    }

    /// All sections of the text that are known: certificates, keys and others.
    pub(super) fn sections(&self, bytes: &[u8]) -> Result<Vec<(SectionKind, Vec<u8>)>> {
        let sections: std::result::Result<_, _> = <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes).collect();
        sections.map_err(|error| {
            self.problem(tell!(
                language(),
                "its PEM text is damaged ({error}); copy the file anew",
                "son texte PEM est abîmé ({error}) ; recopiez le fichier"
            ))
        })
    }
}

/// The certificates among sections, in their order.
pub(super) fn certificates(sections: &[(SectionKind, Vec<u8>)]) -> Vec<CertificateDer<'static>> {
    let is_certificate = |(kind, _): &&(SectionKind, Vec<u8>)| *kind == SectionKind::Certificate;
    sections.iter().filter(is_certificate).map(|(_, der)| CertificateDer::from(der.clone())).collect()
}

/// The certificates of a file or folder, trusted from now on.
pub(super) fn authorities(source: &PemSource, roots: &mut RootCertStore) -> Result<Vec<CertificateDer<'static>>> {
    match source {
        PemSource::Path(path) if path.is_dir() => of_folder(path, source, roots),
        _ => of_file(Purpose { option: "ca_certs", source }, roots),
    }
}

fn of_folder(folder: &Path, source: &PemSource, roots: &mut RootCertStore) -> Result<Vec<CertificateDer<'static>>> {
    let purpose = Purpose { option: "ca_certs", source };
    let entries = fs::read_dir(folder).map_err(|error| purpose.unreadable(&error))?;
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let source = PemSource::Path(path);
        // Other files may lie beside the certificates: keys, notes, files of root's.
        match of_file(Purpose { option: "ca_certs", source: &source }, roots) {
            Ok(certificates) => found.extend(certificates),
            Err(error) => log::debug!("{error}"),
        }
    }
    if found.is_empty() {
        return Err(purpose.problem(tell!(
            language(),
            "no file in this folder holds a certificate",
            "aucun fichier de ce dossier ne contient de certificat"
        )));
    }
    Ok(found)
}

fn of_file(purpose: Purpose<'_>, roots: &mut RootCertStore) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = purpose.read()?;
    let sections = purpose.sections(&bytes)?;
    let mut found = certificates(&sections);
    if found.is_empty() {
        // Not PEM: a single certificate as it is.
        if !bytes.starts_with(&[0x30]) {
            return Err(purpose.problem(no_certificate(&sections)));
        }
        found.push(CertificateDer::from(bytes));
    }
    for certificate in &found {
        roots.add(certificate.clone()).map_err(|error| purpose.problem(bad_certificate(&error)))?;
    }
    Ok(found)
}

/// Says what stands in place of a certificate.
pub(super) fn no_certificate(sections: &[(SectionKind, Vec<u8>)]) -> String {
    let language = language();
    match sections.first() {
        None => tell!(
            language,
            "it holds no certificate: a file in PEM has a line -----BEGIN CERTIFICATE-----",
            "il ne contient pas de certificat : un fichier PEM a une ligne -----BEGIN CERTIFICATE-----"
        ),
        Some((SectionKind::Csr, _)) => tell!(
            language,
            "it holds a request for a certificate, not the certificate that the authority has made of it",
            "il contient une demande de certificat, pas le certificat que l'autorité en a fait"
        ),
        Some((SectionKind::Crl, _)) => tell!(
            language,
            "it holds a list of revoked certificates, not a certificate",
            "il contient une liste de certificats révoqués, pas un certificat"
        ),
        Some(_) => tell!(
            language,
            "it holds a key and no certificate: has it been taken for another file?",
            "il contient une clé et pas de certificat : est-ce le bon fichier ?"
        ),
    }
}

pub(super) fn bad_certificate(error: &rustls::Error) -> String {
    tell!(
        language(),
        "its certificate cannot be used ({error}); `openssl x509 -noout -text -in FILE` shows it",
        "son certificat ne peut pas servir ({error}) ; `openssl x509 -noout -text -in FICHIER` le montre"
    )
}
