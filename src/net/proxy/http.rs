//! CONNECT to an HTTP proxy (RFC 9110, section 9.3.6).

use std::io::{ErrorKind, Read, Write};

use super::{Failure, Host, Target, is_locked, is_no_proxy};
use crate::types::{ProxyOptions, language, place, tell};

/// No proxy has more to say before it is quiet.
const LONGEST_ANSWER: usize = 16 * 1024;

pub(super) fn connect(proxy_end: &mut (impl Read + Write), proxy: &ProxyOptions, to: &Target) -> Result<(), Failure> {
    let place = match &to.host {
        Host::Name(name) => place(name, to.port),
        Host::Address(address) => place(&address.to_string(), to.port),
    };
    let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
    if !proxy.username.is_empty() {
        let password = proxy.password.as_deref().unwrap_or_default();
        let secret = base64(format!("{}:{password}", proxy.username).as_bytes());
        request += &format!("Proxy-Authorization: Basic {secret}\r\n");
    }
    request += "\r\n";
    proxy_end.write_all(request.as_bytes())?;
    let answer = read_head(proxy_end)?;
    let (status, reason) = status(&answer).ok_or_else(|| is_no_proxy("HTTP"))?;
    match status {
        200..300 => Ok(()),
        401 | 407 => Err(is_locked(proxy)),
        _ => Err(Failure::Refused(said(status, reason))),
    }
}

/// What the answer means.
fn said(status: u16, reason: &str) -> String {
    let language = language();
    let hint = match status {
        400 | 405 | 501 => language.pick("it may know nothing of CONNECT", "il ne connaît peut-être pas CONNECT"),
        403 => language.pick(
            "it does not allow this host or this port (tinyproxy: ConnectPort, Allow, Filter)",
            "il n'autorise pas cet hôte ou ce port (tinyproxy : ConnectPort, Allow, Filter)",
        ),
        404 | 500 | 502..=504 => language.pick("it does not reach the broker", "il n'atteint pas le broker"),
        _ => language.pick("its log says more", "son journal en dit plus"),
    };
    tell!(language, "it answered {status} {reason}: {hint}", "il a répondu {status} {reason} : {hint}")
}

/// The proxy's answer up to the empty line. Behind it the broker may speak already, so nothing more is read.
fn read_head(proxy_end: &mut impl Read) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        let mut byte = [0];
        match proxy_end.read_exact(&mut byte) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && !head.is_empty() => break,
            outcome => outcome?,
        }
        head.push(byte[0]);
        let is_http = head.iter().zip(b"HTTP/").all(|(one, other)| one == other);
        if !is_http || head.len() > LONGEST_ANSWER {
            return Err(is_no_proxy("HTTP"));
        }
    }
    Ok(head)
}

/// Number and words of `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<(u16, &str)> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let rest = str::from_utf8(line).ok()?.strip_prefix("HTTP/")?.trim_end().split_once(' ')?.1;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    (status.len() == 3).then_some((status.parse().ok()?, reason))
}

/// Base64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0; 4];
        three[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(three);
        for position in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * position)) as usize & 63];
            text.push(if position <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_standard() {
        let texts = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expected) in texts.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), expected);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn the_status_line() {
        for (head, expected) in [
            (&b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n"[..], Some((200, "Connection established"))),
            (b"HTTP/1.0 502\r\n\r\n", Some((502, ""))),
            (b"HTTP/1.1 20 x\r\n\r\n", None),
            (b"HTTP/1.1\r\n\r\n", None),
        ] {
            assert_eq!(status(head), expected);
        }
    }

    #[test]
    fn nothing_is_read_beyond_the_answer() {
        let mut end = &b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n\x20\x02\0\0"[..];
        assert!(read_head(&mut end).is_ok());
        assert_eq!(end, b"\x20\x02\0\0");
        // Another server than a proxy is known by its first byte.
        assert!(matches!(read_head(&mut &b"\x05\xff"[..]), Err(Failure::Refused(_))));
    }
}
