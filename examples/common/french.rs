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
        Error::Refused { host, port, code, .. } => refused(host, *port, code.value(), &code.to_string()),
        Error::NotConnected { .. } => {
            "le message n'est pas parti : il n'y a pas de connexion avec le broker pour le moment".to_owned()
        }
        Error::ConnectionLost { .. } => "la connexion avec le broker est perdue".to_owned(),
        Error::PublishRefused { code, .. } => {
            format!("le broker a refusé le message ({code}) : vérifiez vos droits (acl_file)")
        }
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

fn refused(host: &str, port: u16, code: u8, name: &str) -> String {
    let hint = match code {
        134 | 135 => "Vérifiez le nom d'utilisateur et le mot de passe (username_pw_set).",
        133 => "L'identifiant du client (client_id) ne lui convient pas : choisissez-en un autre.",
        132 => "Il ne parle pas cette version de MQTT.",
        136 | 137 => "Il fonctionne, mais ne peut pas servir maintenant : réessayez plus tard.",
        _ => "Le journal du broker en dit plus.",
    };
    format!("le broker {host}:{port} a refusé la connexion : {name} ({code}).\n{hint}")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

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
        let text = refused("pi.lan", 1883, 135, "Not authorized");
        assert!(text.starts_with("le broker pi.lan:1883 a refusé la connexion : Not authorized (135).\n"));
        assert!(text.contains("mot de passe"));
    }

    #[test]
    fn anything_else_is_the_librarys_text() {
        check(&Error::LoopRunning, &[&Error::LoopRunning.to_string()]);
    }
}
