//! What may be the host of a broker on the network: a name or an address, and nothing else.

use std::net::Ipv6Addr;

use crate::types::{Error, Result, language, tell};

/// Says whether `host` can be a name or an address. What is often written beside them is refused here, where the error
/// can say so, and not by the name server: `mqtt://..`, `..:1883`, `user:password@..`, `[::1]`.
pub(crate) fn check_host(host: &str) -> Result<()> {
    // An address of one link comes with its interface: `fe80::1%eth0`.
    let address = host.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    let strange = |letter: char| letter.is_whitespace() || letter.is_control() || "/@[]:".contains(letter);
    if host.is_empty() || (!address && host.contains(strange)) {
        return Err(Error::InvalidHost { host: without_password(host) });
    }
    Ok(())
}

/// Says whether `path` can be that of a Unix socket; whether it is one is known when it is reached.
pub(crate) fn check_socket_path(path: &str) -> Result<()> {
    if path.is_empty() || path.contains('\0') {
        let problem = tell!(
            language(),
            "give the path of the broker's Unix socket, such as \"/run/mosquitto.sock\"",
            "donnez le chemin du socket Unix du broker, par exemple \"/run/mosquitto.sock\""
        );
        return Err(Error::InvalidOption { option: "host", problem });
    }
    Ok(())
}

/// The host as an error may show it: what stands between the user name and the `@` is a password.
fn without_password(host: &str) -> String {
    let Some((login, rest)) = host.rsplit_once('@') else {
        return host.to_owned();
    };
    let (scheme, login) = login.split_once("://").map_or(("", login), |(scheme, login)| (scheme, login));
    let separator = if scheme.is_empty() { "" } else { "://" };
    let user = login.split_once(':').map_or(login.to_owned(), |(user, _)| format!("{user}:***"));
    format!("{scheme}{separator}{user}@{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        for host in ["localhost", "mqttbroker.lan", "10.10.10.23", "::1", "fe80::1", "fe80::1%eth0", "pi_3", "à.lan"] {
            assert!(check_host(host).is_ok(), "{host}");
        }
    }

    #[test]
    fn what_else_people_write() {
        for (host, parts) in [
            ("", &["\"\"", "mqttbroker.lan"][..]),
            ("a b", &["\"a b\"", "mqttbroker.lan"]),
            ("a\n", &["\"a\\n\""]),
            ("mqtt://localhost", &["connect(\"localhost\", 1883)", "\"mqtt://\""]),
            ("mqtts://broker.lan:8883/x", &["connect(\"broker.lan\", 8883)", "tls_set"]),
            ("localhost:1885", &["argument of its own", "connect(\"localhost\", 1885)"]),
            ("[::1]", &["without brackets"]),
            ("/run/mosquitto.sock", &["Transport::Unix"]),
            ("broker.lan/mqtt", &["mqttbroker.lan"]),
            ("info@broker.lan", &["username_pw_set"]),
        ] {
            let text = check_host(host).expect_err(host).to_string();
            for part in parts {
                assert!(text.contains(part), "{part:?} is not in {text:?}");
            }
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for host in ["mqtt://info:Password1234@localhost:1883", "info:Password1234@localhost", "a:Pass:word@b@c"] {
            let error = check_host(host).expect_err(host);
            let texts = format!("{error} {error:?} {error:#?}");
            assert!(!texts.contains("Pass") && !texts.contains("word@"), "{texts}");
            assert!(texts.contains(":***@"), "{texts}");
        }
    }
}
