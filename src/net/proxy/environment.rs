//! The proxy that the environment names, chosen as paho-python does: `mqtt_proxy`, unless `no_proxy` holds the broker.

use std::env;

use crate::types::{Error, ProxyOptions, ProxyType, Result, language, tell};

/// The proxy for a connection to `host`, if the environment wants one.
pub(crate) fn from_environment(host: &str) -> Result<Option<ProxyOptions>> {
    let text = |text: std::ffi::OsString| text.into_string().ok();
    let variables: Vec<_> = env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    choose(host, &variables)
}

fn choose(host: &str, variables: &[(String, String)]) -> Result<Option<ProxyOptions>> {
    match look_up(variables, "mqtt_proxy") {
        Some(url) if !look_up(variables, "no_proxy").is_some_and(|list| is_listed(host, list)) => {
            let proxy = parse(url).ok_or_else(invalid)?;
            proxy.check()?;
            Ok(Some(proxy))
        }
        _ => Ok(None),
    }
}

/// A variable in small letters before one in others; an empty one hides the others and says nothing.
fn look_up<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let small = variables.iter().find(|(it, _)| it == name);
    let any = || variables.iter().find(|(it, value)| it.eq_ignore_ascii_case(name) && !value.is_empty());
    small.or_else(any).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Whether `no_proxy` holds the host itself, a domain above it, or `*`.
fn is_listed(host: &str, list: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list == "*"
        || list.split(',').map(|name| name.trim().trim_start_matches('.').to_ascii_lowercase()).any(|name| {
            !name.is_empty()
                && host.strip_suffix(&name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
}

/// `http://user:password@host:port`; `None` for what is not understood.
fn parse(url: &str) -> Option<ProxyOptions> {
    let (scheme, rest) = url.split_once("://")?;
    let kind = match scheme.to_ascii_lowercase().as_str() {
        "http" => ProxyType::Http,
        "socks" | "socks5" | "socks5h" => ProxyType::Socks5,
        "socks4" | "socks4a" => ProxyType::Socks4,
        _ => return None,
    };
    let place = rest.split(['/', '?', '#']).next()?;
    let (login, place) = place.rsplit_once('@').map_or((None, place), |(login, place)| (Some(login), place));
    let (host, port) = match place.strip_prefix('[') {
        Some(address) => {
            let (address, port) = address.split_once(']')?;
            (address, port.strip_prefix(':').or(port.is_empty().then_some(""))?)
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let mut proxy = ProxyOptions::new(kind, host);
    if !port.is_empty() {
        proxy = proxy.port(port.parse().ok()?);
    }
    if let Some(login) = login {
        let (user, password) = login.split_once(':').map_or((login, None), |(user, word)| (user, Some(word)));
        proxy = proxy.username(decode(user)?);
        if let Some(password) = password {
            proxy = proxy.password(decode(password)?);
        }
    }
    Some(proxy)
}

/// `%40` and the like as the letter they stand for.
fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// The value is not shown: it may hold a password.
fn invalid() -> Error {
    let problem = tell!(
        language(),
        "the environment's value is not understood; write http://host:port or socks://host:port, or remove it",
        "la valeur donnée dans l'environnement n'est pas comprise ; écrivez http://hôte:port ou socks://hôte:port, ou retirez-la"
    );
    Error::InvalidOption { option: "mqtt_proxy", problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(host: &str, variables: &[(&str, &str)]) -> Option<ProxyOptions> {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        choose(host, &variables).expect("understood")
    }

    #[test]
    fn mqtt_proxy_alone_counts() {
        let http = ProxyOptions::new(ProxyType::Http, "proxy.lan");
        let socks = ProxyOptions::new(ProxyType::Socks5, "proxy.lan");
        for (value, expected) in [
            ("http://proxy.lan:3128", http.clone().port(3128)),
            ("HTTP://proxy.lan/", http.clone()),
            ("socks://proxy.lan", socks.clone()),
            ("socks5://[::1]:9", ProxyOptions::new(ProxyType::Socks5, "::1").port(9)),
            ("socks4://proxy.lan", ProxyOptions::new(ProxyType::Socks4, "proxy.lan")),
            ("http://a%40b:p%3Aw@proxy.lan", http.clone().username("a@b").password("p:w")),
        ] {
            assert_eq!(chosen("broker.lan", &[("mqtt_proxy", value)]), Some(expected), "{value}");
        }
        assert_eq!(chosen("broker.lan", &[("http_proxy", "http://a:1"), ("all_proxy", "http://a:1")]), None);
        // Small letters first, as in Python, and an empty value is none.
        let both = [("MQTT_PROXY", "http://proxy.lan"), ("mqtt_proxy", "socks://proxy.lan")];
        assert_eq!(chosen("broker.lan", &both), Some(socks));
        assert_eq!(chosen("broker.lan", &both[..1]), Some(http));
        assert_eq!(chosen("broker.lan", &[both[0], ("mqtt_proxy", "")]), None);
    }

    #[test]
    fn no_proxy_is_pythons() {
        for (list, host, listed) in [
            ("*", "broker.lan", true),
            ("broker.lan", "broker.lan", true),
            ("Lan", "Broker.LAN", true),
            ("other, .lan ,", "broker.lan", true),
            ("roker.lan", "broker.lan", false),
            ("broker.lan.", "broker.lan", false),
            ("::1", "::1", true),
            ("a,*", "broker.lan", false),
            ("", "broker.lan", false),
        ] {
            let proxy = chosen(host, &[("mqtt_proxy", "http://proxy.lan"), ("no_proxy", list)]);
            assert_eq!(proxy.is_none(), listed, "{list:?} {host}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said_and_not_shown() {
        for value in [
            "proxy.lan:3128",
            "ftp://proxy.lan",
            "http://proxy.lan:x",
            "http://",
            "http://u:secret%zz@p",
            "http://[::1",
        ] {
            let variables = [("mqtt_proxy".to_owned(), value.to_owned())];
            let error = choose("broker.lan", &variables).expect_err(value).to_string();
            assert!(error.contains("proxy") && !error.contains("secret"), "{error}");
        }
    }
}
