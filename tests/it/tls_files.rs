//! What `tls_set` takes, and what it says of what it does not.

use std::fs;
use std::path::Path;

use rappel as pmc;
use rappel::{Error, ErrorCode, TlsOptions};

use crate::support::certificates::Authority;
use crate::support::client::plain;
use crate::support::trials::alone;

/// Asserts that the options fail as a whole, with an error that names the option, the file, and all of `parts`.
#[track_caller]
fn fails(options: TlsOptions, option: &str, file: &Path, parts: &[&str]) {
    let client = plain();
    let error = client.tls_set(options).expect_err("it is not what it should be");
    let text = error.to_string();
    assert!(matches!(&error, Error::TlsFile { option: it, .. } if *it == option), "{text}");
    assert_eq!(error.code(), ErrorCode::Inval);
    for part in parts.iter().copied().chain([file.display().to_string().as_str(), option]) {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    // Nothing has changed: there is no TLS yet.
    client.tls_insecure_set(true).expect_err("tls_set has failed");
}

#[test]
fn certificates_of_authorities() {
    let authority = Authority::new("good");
    let (file, dir) = (authority.file(), authority.dir());
    let other = authority.sign("other", &["pi.lan"]);
    let missing = dir.join("missing.crt");
    fails(TlsOptions::new().ca_certs(&missing), "ca_certs", &missing, &["no such file"]);
    fails(TlsOptions::new().ca_certs(&other.key), "ca_certs", &other.key, &["holds a key and no certificate"]);
    let write = |name: &str, content: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, content).expect("a file");
        path
    };
    let text = write("notes.txt", b"not a certificate");
    fails(TlsOptions::new().ca_certs(&text), "ca_certs", &text, &["BEGIN CERTIFICATE"]);
    let cut = fs::read_to_string(&file).expect("PEM").replace('M', "?");
    let damaged = write("damaged.crt", cut.as_bytes());
    fails(TlsOptions::new().ca_certs(&damaged), "ca_certs", &damaged, &["damaged"]);
    let der = write("rubbish.der", &[0x30, 3, 1, 2, 3]);
    fails(TlsOptions::new().ca_certs(&der), "ca_certs", &der, &["openssl x509"]);
    let empty = dir.join("empty");
    fs::create_dir(&empty).expect("a folder");
    fails(TlsOptions::new().ca_certs(&empty), "ca_certs", &empty, &["no file in this folder"]);
    fails(TlsOptions::new().ca_certs_pem("nothing"), "ca_certs", Path::new("(from memory)"), &["BEGIN CERTIFICATE"]);

    authority.openssl("x509 -in ca.crt -outform DER -out ca.der");
    let pem = fs::read(&file).expect("PEM");
    for options in [
        TlsOptions::new().ca_certs(&file),
        TlsOptions::new().ca_certs(dir.join("ca.der")),
        TlsOptions::new().ca_certs_pem(pem),
        TlsOptions::new().ca_certs(&file).ca_certs(dir),
    ] {
        plain().tls_set(options.clone()).unwrap_or_else(|error| panic!("{options:?}: {error}"));
    }
}

#[test]
fn certificates_and_keys_of_the_client() {
    let authority = Authority::new("good");
    let (one, other) = (authority.sign("one", &["one"]), authority.sign("other", &["other"]));
    let with = |certificate: &Path, key: &Path| {
        TlsOptions::new().ca_certs(authority.file()).certfile(certificate).keyfile(key)
    };
    let missing = authority.dir().join("missing.key");
    fails(with(&missing, &one.key), "certfile", &missing, &["no such file"]);
    fails(with(&one.certificate, &missing), "keyfile", &missing, &["no such file"]);
    fails(with(authority.dir(), &one.key), "certfile", authority.dir(), &["it is a folder"]);
    fails(with(&one.key, &one.key), "certfile", &one.key, &["holds a key and no certificate"]);
    fails(with(&one.certificate, &one.certificate), "keyfile", &one.certificate, &["certificate and no private key"]);
    let certificate = one.certificate.display().to_string();
    fails(with(&one.certificate, &other.key), "keyfile", &other.key, &["does not belong to", &certificate]);
    let alone = TlsOptions::new().certfile(&one.certificate);
    fails(alone, "certfile", &one.certificate, &["TlsOptions::keyfile"]);

    let error = plain().tls_set(TlsOptions::new().keyfile(&one.key)).expect_err("a key alone");
    assert!(matches!(error, Error::InvalidOption { option: "keyfile", .. }), "{error}");
    let both = [&one.certificate, &one.key].map(|file| fs::read_to_string(file).expect("PEM")).concat();
    for options in [
        with(&one.certificate, &one.key),
        TlsOptions::new().certfile_pem(both.clone()).ca_certs(authority.file()),
        with(&one.certificate, &missing).keyfile_pem(both),
    ] {
        plain().tls_set(options.clone()).unwrap_or_else(|error| panic!("{options:?}: {error}"));
    }
}

#[test]
fn encrypted_keys() {
    let authority = Authority::new("good");
    let dir = authority.dir();
    // What beginners' guides have one type.
    authority.openssl("genrsa -aes128 -passout pass:Password1234 -out client.key 2048");
    authority
        .openssl("req -new -x509 -key client.key -passin pass:Password1234 -subj /CN=client -days 9 -out client.crt");
    let with = |key: &str| {
        TlsOptions::new().ca_certs(authority.file()).certfile(dir.join("client.crt")).keyfile(dir.join(key))
    };
    let client = dir.join("client.key");
    fails(with("client.key"), "keyfile", &client, &["encrypted", "TlsOptions::keyfile_password"]);
    fails(with("client.key").keyfile_password("wrong"), "keyfile", &client, &["does not decrypt"]);
    plain().tls_set(with("client.key").keyfile_password("Password1234")).expect("decrypted");

    authority.openssl(
        "rsa -aes128 -traditional -in client.key -passin pass:Password1234 -passout pass:Password1234 -out old.key",
    );
    let old = dir.join("old.key");
    let line = format!("openssl pkcs8 -topk8 -v2 aes-256-cbc -in {} -out new.key", old.display());
    fails(with("old.key").keyfile_password("Password1234"), "keyfile", &old, &["Proc-Type: 4,ENCRYPTED", &line]);
    // The line does what it says.
    authority.openssl(
        "pkcs8 -topk8 -v2 aes-256-cbc -in old.key -passin pass:Password1234 -passout pass:Password1234 -out new.key",
    );
    plain().tls_set(with("new.key").keyfile_password(b"Password1234")).expect("decrypted");

    authority.openssl("pkcs8 -topk8 -v1 PBE-SHA1-3DES -in client.key -passin pass:Password1234 -passout pass:Password1234 -out des.key");
    fails(with("des.key").keyfile_password("Password1234"), "keyfile", &dir.join("des.key"), &["aes-256-cbc"]);
    authority.openssl("genrsa -traditional -out short.key 1024");
    fails(with("short.key"), "keyfile", &dir.join("short.key"), &["2048 bits"]);
}

#[test]
fn every_kind_of_key() {
    let authority = Authority::new("good");
    for (name, make) in [
        ("rsa", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key"),
        ("rsa-old", "genrsa -traditional -out rsa-old.key 2048"),
        ("p256", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key"),
        ("p384-old", "ecparam -name secp384r1 -genkey -noout -out p384-old.key"),
        ("ed25519", "genpkey -algorithm ED25519 -out ed25519.key"),
    ] {
        authority.openssl(make);
        authority.openssl(&format!("req -new -x509 -key {name}.key -subj /CN=client -days 9 -out {name}.crt"));
        let files = authority.files(name);
        let options = TlsOptions::new().ca_certs(authority.file()).certfile(files.certificate).keyfile(files.key);
        plain().tls_set(options).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn suites_and_versions() {
    let with = |ciphers: &str| TlsOptions::new().cert_reqs(pmc::CertReqs::None).ciphers(ciphers);
    plain().tls_set(with("ECDHE-RSA-AES128-GCM-SHA256")).expect("known");
    let error = plain().tls_set(with("DES-CBC3-SHA")).expect_err("not there");
    assert!(matches!(error, Error::InvalidOption { option: "ciphers", .. }), "{error}");
    let only_1_3 = with("TLS_AES_128_GCM_SHA256").tls_version(pmc::TlsVersion::V1_2);
    let error = plain().tls_set(only_1_3).expect_err("nothing is left");
    assert!(error.to_string().contains("tls_version"), "{error}");
}

#[test]
fn insecure_needs_tls() {
    let error = plain().tls_insecure_set(true).expect_err("no TLS");
    assert!(matches!(error, Error::InvalidOption { option: "tls_insecure_set", .. }), "{error}");
    assert!(error.to_string().contains("tls_set first"), "{error}");
}

#[test]
fn a_machine_without_trusted_certificates() {
    let nowhere = Authority::new("unused").dir().join("nowhere").display().to_string();
    alone("tls_files::nobody_is_trusted", &[("SSL_CERT_FILE", &nowhere), ("SSL_CERT_DIR", &nowhere)]);
}

#[test]
#[ignore = "run by a_machine_without_trusted_certificates, in an environment of its own"]
fn nobody_is_trusted() {
    let error = plain().tls_set(TlsOptions::new()).expect_err("nobody is trusted");
    let text = error.to_string();
    assert!(text.contains("ca-certificates") && text.contains("TlsOptions::ca_certs"), "{text}");
}
