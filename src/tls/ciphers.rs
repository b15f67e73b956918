//! Cipher suites by the names they have in OpenSSL and in the standards.

use rustls::{CipherSuite, SupportedCipherSuite};

use crate::types::{Error, Result, language, tell};

/// OpenSSL's names where they are not the standard's: those of TLS 1.2.
const OPENSSL: &[(CipherSuite, &str)] = &[
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// The suites that `wanted` names, in its order; those of TLS 1.3 as they are where it names none of them.
pub(super) fn choose(wanted: &str, all: &[SupportedCipherSuite]) -> Result<Vec<SupportedCipherSuite>> {
    let mut chosen = Vec::new();
    for name in wanted.split(':').map(str::trim) {
        let found = all.iter().find(|suite| names(suite).iter().any(|it| it.eq_ignore_ascii_case(name)));
        chosen.push(*found.ok_or_else(|| unknown(name, all))?);
    }
    if !chosen.iter().any(is_1_3) {
        chosen.extend(all.iter().filter(|suite| is_1_3(suite)));
    }
    Ok(chosen)
}

fn is_1_3(suite: &SupportedCipherSuite) -> bool {
    suite.tls13().is_some()
}

/// OpenSSL's name, if it has one of its own, and the standard's.
fn names(suite: &SupportedCipherSuite) -> Vec<String> {
    // rustls writes TLS13_ where the standard, and OpenSSL too, write TLS_.
    let standard = format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1);
    let openssl = OPENSSL.iter().find(|(known, _)| *known == suite.suite()).map(|(_, name)| (*name).to_owned());
    openssl.into_iter().chain([standard]).collect()
}

fn unknown(name: &str, all: &[SupportedCipherSuite]) -> Error {
    let there: Vec<_> = all.iter().filter_map(|suite| names(suite).into_iter().next()).collect();
    let there = there.join(", ");
    let problem = tell!(
        language(),
        "there is no cipher suite {name:?} here; there are {there}",
        "la suite {name:?} n'existe pas ici ; il y a {there}"
    );
    Error::InvalidOption { option: "ciphers", problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str) -> std::result::Result<Vec<String>, String> {
        let all = rustls::crypto::ring::default_provider().cipher_suites;
        let suites = choose(wanted, &all).map_err(|error| error.to_string())?;
        Ok(suites.iter().map(|suite| names(suite).remove(0)).collect())
    }

    #[test]
    fn every_suite_is_known_by_both_names() {
        let all = rustls::crypto::ring::default_provider().cipher_suites;
        assert_eq!(all.len(), 9, "the documentation of TlsOptions::ciphers says so");
        for suite in &all {
            let names = names(suite);
            assert_eq!(names.len(), if is_1_3(suite) { 1 } else { 2 }, "{names:?}");
            for name in names {
                assert_eq!(chosen(&name).expect("known")[0], self::names(suite)[0]);
            }
        }
    }

    #[test]
    fn those_of_1_3_stay_unless_one_is_named() {
        let two = "ECDHE-RSA-CHACHA20-POLY1305:ecdhe-rsa-aes128-gcm-sha256";
        let suites = chosen(two).expect("known");
        assert_eq!(suites[..2], ["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(suites.len(), 2 + 3);
        assert_eq!(chosen("TLS_CHACHA20_POLY1305_SHA256").expect("known"), ["TLS_CHACHA20_POLY1305_SHA256"]);
    }

    #[test]
    fn an_unknown_one_is_answered_with_those_that_there_are() {
        for wanted in ["HIGH", "ECDHE-RSA-AES128-GCM-SHA256:", "AES128-SHA"] {
            let text = chosen(wanted).expect_err("unknown");
            assert!(text.contains("ciphers") && text.contains("ECDHE-RSA-AES128-GCM-SHA256"), "{text}");
        }
    }
}
