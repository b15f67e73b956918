//! The way through a proxy: what is said to it before it passes on what the broker and the client say.
//!
//! All of it is blocking, within the time limit of the attempt.

mod environment;
mod http;
mod socks;

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use crate::net::pipe::Pipe;
use crate::net::{Plan, dial};
use crate::types::{Error, ProxyOptions, ProxyType, Result, language, place, tell};

pub(crate) use environment::from_environment;

/// Connects to the broker of `plan` through `proxy`.
pub(crate) fn through(proxy: &ProxyOptions, plan: &Plan) -> Result<Pipe> {
    let refused = |problem| Error::Proxy {
        proxy: place(&proxy.host, proxy.port),
        host: plan.host.clone(),
        port: plan.port,
        problem,
    };
    let mut pipe =
        dial::tcp(&proxy.host, proxy.port, plan.bind, plan.deadline).map_err(|error| refused(unreachable(&error)))?;
    let target = Target::of(proxy, plan)?;
    let agreed = match proxy.kind {
        ProxyType::Http => http::connect(&mut pipe, proxy, &target),
        ProxyType::Socks4 => socks::connect_4(&mut pipe, proxy, &target),
        ProxyType::Socks5 => socks::connect_5(&mut pipe, proxy, &target),
    };
    match agreed {
        Ok(()) => Ok(pipe),
        Err(Failure::Refused(problem)) => Err(refused(problem)),
        Err(Failure::Io(error)) if error.kind() == ErrorKind::TimedOut => Err(plan.too_late("the proxy's answer")),
        Err(Failure::Io(error)) => {
            let what = match proxy.kind {
                ProxyType::Http => "HTTP",
                ProxyType::Socks4 => "SOCKS 4",
                ProxyType::Socks5 => "SOCKS 5",
            };
            Err(refused(tell!(
                language(),
                "it hung up without an answer ({error}); is it a proxy for {what}?",
                "il a raccroché sans répondre ({error}) ; est-ce un proxy {what} ?"
            )))
        }
    }
}

/// The proxy itself cannot be reached: what is said of brokers is of no use here.
fn unreachable(error: &Error) -> String {
    let cause = match error {
        Error::NameNotFound { cause, .. } | Error::Unreachable { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    tell!(
        language(),
        "the proxy itself cannot be reached ({cause}); check its address and its port, and that it is running",
        "le proxy lui-même est injoignable ({cause}) ; vérifiez son adresse, son port, et qu'il fonctionne"
    )
}

/// Where the proxy is to connect to.
struct Target {
    host: Host,
    port: u16,
}

enum Host {
    Name(String),
    Address(IpAddr),
}

impl Target {
    fn of(proxy: &ProxyOptions, plan: &Plan) -> Result<Self> {
        let host = match plan.host.parse() {
            Ok(address) => Host::Address(address),
            Err(_) if proxy.remote_names => Host::Name(plan.host.clone()),
            Err(_) => {
                let mut addresses = dial::resolve(&plan.host, plan.port)?.into_iter().map(|address| address.ip());
                // SOCKS 4 knows none of the others.
                let usable = addresses.find(|address| proxy.kind != ProxyType::Socks4 || address.is_ipv4());
                usable.map_or_else(|| Host::Name(plan.host.clone()), Host::Address)
            }
        };
        Ok(Target { host, port: plan.port })
    }
}

/// Why there is no connection through a proxy.
enum Failure {
    /// What the proxy answered, for the user.
    Refused(String),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

/// What came is nothing that a proxy says.
fn is_no_proxy(kind: &str) -> Failure {
    Failure::Refused(tell!(
        language(),
        "its answer is not that of a proxy for {kind}; check its address, its port and its kind",
        "sa réponse n'est pas celle d'un proxy {kind} ; vérifiez son adresse, son port et sa sorte"
    ))
}

/// The proxy wants to know who asks, and was not told or does not believe it.
fn is_locked(proxy: &ProxyOptions) -> Failure {
    let text = if proxy.username.is_empty() {
        language().pick(
            "it wants a user name and a password; give them with ProxyOptions::username and ProxyOptions::password",
            "il demande un nom d'utilisateur et un mot de passe ; donnez-les avec ProxyOptions::username et ProxyOptions::password",
        )
    } else {
        language().pick(
            "it does not accept the user name or the password given to it",
            "il n'accepte pas le nom d'utilisateur ou le mot de passe qui lui est donné",
        )
    };
    Failure::Refused(text.to_owned())
}
