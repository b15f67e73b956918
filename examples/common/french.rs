//! The library's errors in French, as far as students meet them.

use std::io::ErrorKind;

use rappel::Error;

/// What happened, the likely cause and what to do. An error not foreseen here is shown as the library says it.
pub fn explain(error: &Error) -> String {
    match error {
        Error::InvalidHost { host } => {
            format!("« {host} » n'est pas un nom de machine : écrivez par exemple mqttbroker.lan ou 10.10.10.23")
        }
        Error::NameNotFound { host, .. } => format!(
            "aucune adresse trouvée pour le nom « {host} ».\n\
             Vérifiez son orthographe et le réseau, ou utilisez l'adresse IP du broker."
        ),
        Error::Unreachable { host, port, cause } => unreachable_broker(host, *port, cause),
        Error::ConnectTimeout { host, port, seconds, .. } => format!(
            "{host}:{port} n'a pas répondu en {seconds} s.\n\
             Vérifiez l'adresse et le port, le réseau, et les pare-feu entre les deux machines."
        ),
        Error::ClosedDuringConnect { host, port } => format!(
            "{host}:{port} a accepté la connexion puis l'a fermée sans répondre.\n\
             Est-ce bien un broker MQTT, et le bon port (1883, sans TLS) ?"
        ),
        Error::Protocol { .. } => {
            "la réponse reçue n'est pas du MQTT : est-ce bien un broker, et le bon port ?".to_owned()
        }
        Error::Refused { host, port, code, .. } => refused(host, *port, code.value()),
        Error::NotConnected { .. } => {
            "le message n'est pas parti : il n'y a pas de connexion avec le broker pour le moment".to_owned()
        }
        Error::ConnectionLost { code } => {
            format!("la connexion avec le broker est perdue : {}", reason(code.value()))
        }
        Error::PublishRefused { code, .. } => format!(
            "le broker a refusé le message : {}.\n\
             Vérifiez vos droits sur cette rubrique (acl_file dans la configuration du broker).",
            reason(code.value())
        ),
        Error::Timeout { after, .. } => format!(
            "aucune confirmation du broker après {} s.\n\
             Le broker fonctionne-t-il encore, et le réseau aussi ?",
            after.as_secs_f64()
        ),
        Error::Unconfirmed { count } => {
            format!("déconnecté avant la confirmation de {count} message(s) : ils sont peut-être perdus")
        }
        other => other.to_string(),
    }
}

fn unreachable_broker(host: &str, port: u16, cause: &std::io::Error) -> String {
    let hint = match cause.kind() {
        ErrorKind::ConnectionRefused => format!(
            "connexion refusée.\n\
             La machine répond, mais rien n'écoute sur le port {port}. Sur cette machine-là, mosquitto fonctionne-t-il\n\
             (systemctl status mosquitto), et sa configuration contient-elle « listener {port} » ?"
        ),
        ErrorKind::TimedOut => "pas de réponse.\n\
             Vérifiez l'adresse, que cette machine est allumée, le réseau, et les pare-feu."
            .to_owned(),
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::HostUnreachable => {
            format!(
                "aucun chemin vers cette machine.\n\
                 Vérifiez le câble ou le Wi-Fi, puis essayez : ping {host}"
            )
        }
        _ => format!("{cause}.\nVérifiez l'adresse, le port et le réseau."),
    };
    format!("impossible de joindre {host}:{port} : {hint}")
}

fn refused(host: &str, port: u16, code: u8) -> String {
    let hint = match code {
        134 | 135 => "Vérifiez le nom d'utilisateur et le mot de passe (username_pw_set).",
        133 => "Choisissez-en un autre, court et sans accents (client_id).",
        132 => "Choisissez-en une autre (protocol).",
        136 | 137 | 151 | 159 => "Il fonctionne, mais ne peut pas servir maintenant : réessayez plus tard.",
        _ => "Le journal du broker en dit plus.",
    };
    format!("le broker {host}:{port} a refusé la connexion : {}.\n{hint}", reason(code))
}

/// The reason of a code (MQTT 5, section 2.4), with its number.
fn reason(code: u8) -> String {
    let text = match code {
        129 | 130 => "paquet que le broker ne comprend pas",
        131 => "raison propre à ce broker",
        132 => "version de MQTT inconnue du broker",
        133 => "identifiant de client refusé",
        134 => "mauvais nom d'utilisateur ou mot de passe",
        135 => "accès non autorisé",
        136 => "service indisponible",
        137 => "broker trop occupé",
        138 => "client banni",
        139 => "le broker s'arrête",
        140 => "méthode d'authentification refusée",
        141 => "plus aucun signe de vie",
        142 => "un autre client utilise le même identifiant",
        144 => "rubrique refusée",
        147 | 150 | 151 | 159 => "trop de messages ou de connexions",
        149 => "paquet trop grand",
        154 => "messages retenus refusés",
        155 => "QoS refusée",
        156 | 157 => "un autre broker le remplace",
        _ => "raison inconnue",
    };
    format!("{text} (code {code})")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use rappel::{PacketType, ReasonCode};

    use super::*;

    fn check(error: &Error, parts: &[&str]) {
        let text = explain(error);
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }

    fn unreachable(kind: ErrorKind) -> Error {
        Error::Unreachable { host: "pi.lan".to_owned(), port: 1884, cause: Arc::new(kind.into()) }
    }

    #[test]
    fn what_students_meet_is_in_french() {
        let cause = Arc::new(io::Error::other("no such name"));
        check(&Error::NameNotFound { host: "pi.lam".to_owned(), cause }, &["« pi.lam »", "orthographe"]);
        check(&unreachable(ErrorKind::ConnectionRefused), &["pi.lan:1884", "listener 1884", "refusée"]);
        check(&unreachable(ErrorKind::HostUnreachable), &["ping pi.lan"]);
        check(&unreachable(ErrorKind::TimedOut), &["pas de réponse"]);
        let after = Duration::from_millis(1500);
        check(&Error::Timeout { what: "publish", after }, &["1.5 s"]);
        check(&Error::NotConnected { what: "publish with QoS 0" }, &["pas parti"]);
    }

    #[test]
    fn a_refusal_says_why() {
        assert_eq!(
            refused("pi.lan", 1883, 135),
            "le broker pi.lan:1883 a refusé la connexion : accès non autorisé (code 135).\n\
             Vérifiez le nom d'utilisateur et le mot de passe (username_pw_set)."
        );
        assert!(refused("pi.lan", 1883, 136).contains("plus tard"));
        assert!(refused("pi.lan", 1883, 200).contains("raison inconnue (code 200)"));
    }

    #[test]
    fn no_reason_is_in_english() {
        for value in 128..=255 {
            let code = ReasonCode::new(PacketType::Connack, value);
            let text = explain(&Error::ConnectionLost { code });
            assert!(!text.contains(&code.to_string()), "{text}");
            assert!(text.ends_with(&format!("(code {value})")), "{text}");
        }
    }

    #[test]
    fn anything_else_is_the_librarys_text() {
        check(&Error::LoopRunning, &[&Error::LoopRunning.to_string()]);
    }
}
