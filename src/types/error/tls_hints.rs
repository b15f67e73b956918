//! The part of an error's text that depends on what is wrong with TLS: certificates and alerts.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::types::language::tell;
use crate::types::{CertificateProblem, Language};

/// For a certificate that is not accepted.
pub(super) fn certificate(language: Language, host: &str, problem: &CertificateProblem) -> String {
    // How an authority of one's own makes one, as a shell takes it.
    let renew = || {
        let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
        format!(
            "`openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -out server.crt -extfile <(echo subjectAltName={kind}:{host})`"
        )
    };
    match problem {
        CertificateProblem::Expired { not_after } => {
            let since = not_after
                .map(|at| {
                    let at = date(at);
                    tell!(language, " on {at}", " le {at}")
                })
                .unwrap_or_default();
            tell!(
                language,
                "it has expired{since}: have the broker's certificate renewed, or set this machine's clock, if that is wrong (`timedatectl`)",
                "il a expiré{since} : faites renouveler le certificat du broker, ou réglez l'horloge de cette machine, si elle se trompe (`timedatectl`)"
            )
        }
        CertificateProblem::NotYetValid { not_before } => {
            let from = not_before
                .map(|at| {
                    let at = date(at);
                    tell!(language, " until {at}", " avant le {at}")
                })
                .unwrap_or_default();
            tell!(
                language,
                "it is not valid{from}, by this machine's clock: set the clock (`timedatectl`); a Raspberry Pi without network has the wrong time after a start",
                "il n'est pas valable{from}, d'après l'horloge de cette machine : réglez-la (`timedatectl`) ; un Raspberry Pi sans réseau n'est pas à l'heure après un démarrage"
            )
        }
        CertificateProblem::WrongHost { names } if names.is_empty() => {
            let renew = renew();
            tell!(
                language,
                "it does not say which host it is for, as it has no Subject Alternative Name: have it made with one, {renew}",
                "il ne dit pas pour quel hôte il est, car il n'a pas de Subject Alternative Name : faites-le refaire avec, {renew}"
            )
        }
        CertificateProblem::WrongHost { names } => {
            let names = names.join(", ");
            tell!(
                language,
                "it is not for {host:?} but for {names}: give connect that name, or have the certificate made for this one; tls_insecure_set(true) lets it pass, and with it anybody whom the same authority knows",
                "il n'est pas pour {host:?} mais pour {names} : donnez ce nom-là à connect, ou faites faire le certificat pour celui-ci ; tls_insecure_set(true) le laisse passer, et avec lui tous ceux que la même autorité connaît"
            )
        }
        CertificateProblem::UnknownAuthority => tell!(
            language,
            "nobody whom this client trusts has signed it: give the certificate of the broker's authority (its cafile) with TlsOptions::ca_certs",
            "personne à qui ce client se fie ne l'a signé : donnez le certificat de l'autorité du broker (son cafile) avec TlsOptions::ca_certs"
        ),
        CertificateProblem::SelfSigned => tell!(
            language,
            "it has signed itself and is not among those that are trusted: give this very certificate with TlsOptions::ca_certs, if it is the right one",
            "il s'est signé lui-même et n'est pas parmi ceux qui sont de confiance : donnez ce certificat lui-même avec TlsOptions::ca_certs, si c'est le bon"
        ),
        CertificateProblem::Version1 => {
            let renew = renew();
            tell!(
                language,
                "it is of version 1 of X.509, which cannot say which host it is for: have it made with a Subject Alternative Name, {renew}",
                "il est de la version 1 de X.509, qui ne peut pas dire pour quel hôte il est : faites-le refaire avec un Subject Alternative Name, {renew}"
            )
        }
        CertificateProblem::Other { text } => tell!(
            language,
            "{text}; `openssl x509 -noout -text -in FILE` shows the certificate",
            "{text} ; `openssl x509 -noout -text -in FICHIER` montre le certificat"
        ),
    }
}

/// The name of an alert (RFC 8446, section 6).
pub(super) fn alert_name(alert: u8) -> &'static str {
    match alert {
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        48 => "unknown_ca",
        49 => "access_denied",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "alert",
    }
}

/// For a TLS connection that the broker has refused.
pub(super) fn alert(language: Language, alert: u8) -> &'static str {
    match alert {
        40 => language.pick(
            "it may want a certificate of the client (give TlsOptions::certfile and keyfile), or shares no cipher suite with it",
            "il veut peut-être un certificat du client (donnez TlsOptions::certfile et keyfile), ou n'a aucune suite de chiffrement en commun avec lui",
        ),
        116 => language.pick(
            "it wants a certificate of the client: give TlsOptions::certfile and keyfile",
            "il veut un certificat du client : donnez TlsOptions::certfile et keyfile",
        ),
        44 => language.pick(
            "the client's certificate has been revoked: ask for another one",
            "le certificat du client a été révoqué : demandez-en un autre",
        ),
        45 => language.pick(
            "the client's certificate has expired, by the broker's clock: have it renewed",
            "le certificat du client a expiré, d'après l'horloge du broker : faites-le renouveler",
        ),
        48 => language.pick(
            "the broker does not know the authority that has signed the client's certificate: name that in its cafile, or have the certificate signed by one that it knows",
            "le broker ne connaît pas l'autorité qui a signé le certificat du client : ajoutez-la à son cafile, ou faites signer le certificat par une qu'il connaît",
        ),
        42 | 43 | 46 | 49 | 51 => language.pick(
            "it does not accept the client's certificate: check TlsOptions::certfile, and the broker's cafile",
            "il n'accepte pas le certificat du client : vérifiez TlsOptions::certfile, et le cafile du broker",
        ),
        70 | 71 => language.pick(
            "it speaks none of the versions of TLS that are offered: check TlsOptions::tls_version and the broker's tls_version; 1.0 and 1.1 are not secure, and not there",
            "il ne parle aucune des versions de TLS proposées : vérifiez TlsOptions::tls_version et le tls_version du broker ; 1.0 et 1.1 ne sont pas sûres, et n'y sont pas",
        ),
        112 => language.pick(
            "it does not know the host's name: give connect the name that it has there",
            "il ne connaît pas le nom de l'hôte : donnez à connect celui qu'il y porte",
        ),
        120 => language.pick(
            "it speaks none of the protocols of TlsOptions::alpn_protocols",
            "il ne parle aucun des protocoles de TlsOptions::alpn_protocols",
        ),
        _ => language.pick("the broker's log says more", "le journal du broker en dit plus"),
    }
}

/// A day and a minute of UTC, as in `2026-03-01 08:30 UTC`.
fn date(at: SystemTime) -> String {
    let (seconds, past) = match at.duration_since(UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, false),
        Err(before) => (before.duration().as_secs() as i64, true),
    };
    let seconds = if past { -seconds } else { seconds };
    let (days, minutes) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) / 60);
    let (year, month, day) = civil(days);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// The day that is so many days after 1970-01-01. Years are counted from March, so that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn days_are_those_of_the_calendar() {
        // As `date -u -d @SECONDS` says.
        for (seconds, expected) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59 UTC"),
            (1_735_689_600, "2025-01-01 00:00 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
        assert_eq!(date(UNIX_EPOCH - Duration::from_secs(60)), "1969-12-31 23:59 UTC");
    }

    #[test]
    fn every_hint_is_there_in_both_languages() {
        for number in 0..=255 {
            assert_ne!(alert(Language::English, number), alert(Language::French, number));
        }
        let names = || vec!["a.lan".to_owned(), "b.lan".to_owned()];
        for (problem, parts) in [
            (CertificateProblem::Expired { not_after: Some(UNIX_EPOCH) }, &["1970-01-01", "timedatectl"][..]),
            (CertificateProblem::NotYetValid { not_before: Some(UNIX_EPOCH) }, &["1970-01-01", "timedatectl"]),
            (CertificateProblem::WrongHost { names: names() }, &["a.lan, b.lan", "\"pi.lan\"", "tls_insecure_set"]),
            (CertificateProblem::WrongHost { names: Vec::new() }, &["subjectAltName=DNS:pi.lan"]),
            (CertificateProblem::UnknownAuthority, &["TlsOptions::ca_certs"]),
            (CertificateProblem::SelfSigned, &["TlsOptions::ca_certs"]),
            (CertificateProblem::Version1, &["subjectAltName=DNS:pi.lan"]),
            (CertificateProblem::Other { text: "of the test".to_owned() }, &["of the test"]),
        ] {
            let texts = [Language::English, Language::French].map(|language| certificate(language, "pi.lan", &problem));
            assert_ne!(texts[0], texts[1]);
            for part in parts {
                assert!(texts.iter().all(|text| text.contains(part)), "{part:?}: {texts:?}");
            }
        }
        let of_address = certificate(Language::English, "10.0.0.1", &CertificateProblem::Version1);
        assert!(of_address.contains("subjectAltName=IP:10.0.0.1"), "{of_address}");
    }
}
