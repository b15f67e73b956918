//! SOCKS 4 and 4a, and SOCKS 5 with user name and password (RFC 1928, RFC 1929).

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr};

use super::{Failure, Host, Target, is_locked, is_no_proxy};
use crate::types::{ProxyOptions, language, tell};

/// Connect, in both versions.
const CONNECT: u8 = 1;

/// Ways of SOCKS 5 to say who one is.
const NOBODY: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_OF_THESE: u8 = 0xff;

pub(super) fn connect_4(end: &mut (impl Read + Write), proxy: &ProxyOptions, to: &Target) -> Result<(), Failure> {
    // An address that no machine has says that a name follows.
    let (address, name) = match &to.host {
        Host::Address(IpAddr::V4(address)) => (*address, None),
        Host::Address(IpAddr::V6(_)) => return Err(no_ipv6()),
        Host::Name(name) => (Ipv4Addr::new(0, 0, 0, 1), Some(name)),
    };
    let mut request = vec![4, CONNECT];
    request.extend(to.port.to_be_bytes());
    request.extend(address.octets());
    request.extend(proxy.username.as_bytes());
    request.push(0);
    if let Some(name) = name {
        request.extend(name.as_bytes());
        request.push(0);
    }
    end.write_all(&request)?;
    match read::<8>(end)? {
        [0, 90, ..] => Ok(()),
        [0, 91, ..] if name.is_some() => Err(refused(
            4,
            91,
            "it refuses the connection, cannot make it, or looks up no names, which ProxyOptions::rdns(false) does here",
            "il refuse la connexion, ne peut pas l'établir, ou ne cherche pas les noms, ce que ProxyOptions::rdns(false) fait ici",
        )),
        [0, 91, ..] => Err(refused(
            4,
            91,
            "it refuses the connection or cannot make it",
            "il refuse la connexion ou ne peut pas l'établir",
        )),
        [0, code @ (92 | 93), ..] => Err(refused(
            4,
            code,
            "it wants to know the user id from this machine's identd; use SOCKS 5",
            "il demande l'utilisateur à l'identd de cette machine ; utilisez SOCKS 5",
        )),
        _ => Err(is_no_proxy("SOCKS 4")),
    }
}

pub(super) fn connect_5(end: &mut (impl Read + Write), proxy: &ProxyOptions, to: &Target) -> Result<(), Failure> {
    introduce(end, proxy)?;
    let mut request = vec![5, CONNECT, 0];
    match &to.host {
        Host::Address(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Host::Address(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Host::Name(name) => {
            request.push(3);
            push_text(&mut request, name)?;
        }
    }
    request.extend(to.port.to_be_bytes());
    end.write_all(&request)?;
    let [version, code, _, kind] = read(end)?;
    if version != 5 {
        return Err(is_no_proxy("SOCKS 5"));
    }
    if code != 0 {
        let (english, french) = meaning(code);
        return Err(refused(5, code, english, french));
    }
    // From where the proxy has connected; what follows is the broker's.
    match kind {
        1 => read::<{ 4 + 2 }>(end).map(drop)?,
        4 => read::<{ 16 + 2 }>(end).map(drop)?,
        3 => {
            let [length] = read(end)?;
            end.read_exact(&mut vec![0; usize::from(length) + 2])?;
        }
        _ => return Err(is_no_proxy("SOCKS 5")),
    }
    Ok(())
}

/// Says who we are, in a way that the proxy wants.
fn introduce(end: &mut (impl Read + Write), proxy: &ProxyOptions) -> Result<(), Failure> {
    let greeting: &[u8] = if proxy.username.is_empty() { &[5, 1, NOBODY] } else { &[5, 2, NOBODY, PASSWORD] };
    end.write_all(greeting)?;
    match read(end)? {
        [5, NOBODY] => Ok(()),
        [5, PASSWORD] if !proxy.username.is_empty() => {
            let mut login = vec![1];
            push_text(&mut login, &proxy.username)?;
            push_text(&mut login, proxy.password.as_deref().unwrap_or_default())?;
            end.write_all(&login)?;
            match read(end)? {
                [1, 0] => Ok(()),
                [1, _] => Err(is_locked(proxy)),
                _ => Err(is_no_proxy("SOCKS 5")),
            }
        }
        [5, PASSWORD | NONE_OF_THESE] => Err(is_locked(proxy)),
        _ => Err(is_no_proxy("SOCKS 5")),
    }
}

/// Appends a text behind its length.
fn push_text(request: &mut Vec<u8>, text: &str) -> Result<(), Failure> {
    let Ok(length) = u8::try_from(text.len()) else {
        return Err(Failure::Refused(tell!(
            language(),
            "SOCKS 5 takes no name longer than 255 bytes",
            "SOCKS 5 n'accepte pas de nom de plus de 255 octets"
        )));
    };
    request.push(length);
    request.extend(text.as_bytes());
    Ok(())
}

fn read<const N: usize>(end: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    end.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// What the codes of RFC 1928, section 6, mean.
fn meaning(code: u8) -> (&'static str, &'static str) {
    match code {
        2 => ("it does not allow this host or this port", "il n'autorise pas cet hôte ou ce port"),
        3 => ("no way leads to the broker's network", "aucun chemin ne mène au réseau du broker"),
        4 => (
            "the broker's name or machine cannot be reached from there",
            "le nom ou la machine du broker ne peut être atteint de là",
        ),
        5 => ("nothing listens on the broker's port", "rien n'écoute sur le port du broker"),
        6 => ("the broker's machine does not answer", "la machine du broker ne répond pas"),
        7 => ("it makes no connections", "il n'établit pas de connexions"),
        8 => ("it does not know this kind of address", "il ne connaît pas cette sorte d'adresse"),
        _ => ("its log says more", "son journal en dit plus"),
    }
}

fn refused(version: u8, code: u8, english: &'static str, french: &'static str) -> Failure {
    let meaning = language().pick(english, french);
    Failure::Refused(tell!(
        language(),
        "it answered {code} of SOCKS {version}: {meaning}",
        "il a répondu {code} de SOCKS {version} : {meaning}"
    ))
}

fn no_ipv6() -> Failure {
    Failure::Refused(
        language()
            .pick("SOCKS 4 has no IPv6 addresses; use SOCKS 5", "SOCKS 4 n'a pas d'adresses IPv6 ; utilisez SOCKS 5")
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ProxyType;

    /// A proxy that has its answers ready.
    struct Scripted<'a> {
        answers: &'a [u8],
        heard: Vec<u8>,
    }

    impl Read for Scripted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.answers.read(buffer)
        }
    }

    impl Write for Scripted<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn name() -> Host {
        Host::Name("broker.lan".to_owned())
    }

    fn address(text: &str) -> Host {
        Host::Address(text.parse().expect("an address"))
    }

    /// What the proxy heard, and the words of its refusal, after it gave `answers`, all of which must have been read.
    fn ask(kind: ProxyType, user: &str, host: Host, answers: &[u8]) -> (Vec<u8>, Option<String>) {
        let mut end = Scripted { answers, heard: Vec::new() };
        let (proxy, to) =
            (ProxyOptions::new(kind, "proxy").username(user).password("word"), Target { host, port: 1883 });
        let outcome = match kind {
            ProxyType::Socks4 => connect_4(&mut end, &proxy, &to),
            _ => connect_5(&mut end, &proxy, &to),
        };
        assert!(end.answers.is_empty(), "read everything: {:?}", end.answers);
        let refusal = match outcome {
            Ok(()) => None,
            Err(Failure::Refused(problem)) => Some(problem),
            Err(Failure::Io(error)) => Some(error.to_string()),
        };
        (end.heard, refusal)
    }

    #[test]
    fn socks_4_and_4a() {
        let granted = [0, 90, 0, 0, 0, 0, 0, 0];
        let ask = |user, host, answers: &[u8]| ask(ProxyType::Socks4, user, host, answers);
        assert_eq!(ask("info", address("10.0.0.1"), &granted), (b"\x04\x01\x07\x5b\x0a\0\0\x01info\0".to_vec(), None));
        assert_eq!(ask("", name(), &granted), (b"\x04\x01\x07\x5b\0\0\0\x01\0broker.lan\0".to_vec(), None));
        for (answer, part) in [
            (91, "91 of SOCKS 4: it refuses the connection, cannot make it, or looks up no names"),
            (93, "identd"),
            (1, "not that of a proxy"),
        ] {
            let refusal = ask("", name(), &[0, answer, 0, 0, 0, 0, 0, 0]).1;
            assert!(refusal.as_ref().is_some_and(|refusal| refusal.contains(part)), "{answer}: {refusal:?}");
        }
        assert!(ask("", address("::1"), &[]).1.is_some_and(|refusal| refusal.contains("IPv6")));
    }

    #[test]
    fn socks_5() {
        let ask = |user, host, answers: &[u8]| ask(ProxyType::Socks5, user, host, answers);
        let open = b"\x05\x00\x05\0\0\x01\x7f\0\0\x01\x12\x34";
        assert_eq!(
            ask("", address("10.0.0.1"), open),
            (b"\x05\x01\0\x05\x01\0\x01\x0a\0\0\x01\x07\x5b".to_vec(), None)
        );
        let from_name = b"\x05\x00\x05\0\0\x03\x02ab\x12\x34";
        assert_eq!(ask("", name(), from_name), (b"\x05\x01\0\x05\x01\0\x03\x0abroker.lan\x07\x5b".to_vec(), None));
        let from_v6 = [&b"\x05\x02\x01\0\x05\0\0\x04"[..], &[0; 18]].concat();
        let heard = [&b"\x05\x02\0\x02\x01\x04info\x04word\x05\x01\0\x04"[..], &[0; 15], b"\x01\x07\x5b"].concat();
        assert_eq!(ask("info", address("::1"), &from_v6), (heard, None));
    }

    #[test]
    fn what_a_socks_5_proxy_refuses() {
        for (user, answers, part) in [
            ("", &b"\x05\xff"[..], "wants a user name"),
            ("info", b"\x05\xff", "does not accept"),
            ("info", b"\x05\x02\x01\x01", "does not accept"),
            ("info", b"\x05\x02\x05\x00", "not that of a proxy"),
            ("", b"HT", "not that of a proxy"),
            ("", b"\x05\0\x05\x05\0\x01", "5 of SOCKS 5: nothing listens"),
            ("", b"\x05\0\x05\x63\0\x01", "99 of SOCKS 5"),
            ("", b"\x05\0\x05\0\0\x07", "not that of a proxy"),
            ("", b"\x05\0\x05\0", "fill whole buffer"),
        ] {
            let refusal = ask(ProxyType::Socks5, user, name(), answers).1;
            assert!(refusal.as_ref().is_some_and(|refusal| refusal.contains(part)), "{answers:?}: {refusal:?}");
        }
        let long = Host::Name("x".repeat(256));
        assert!(ask(ProxyType::Socks5, "", long, b"\x05\0").1.is_some_and(|refusal| refusal.contains("255")));
    }
}
