//! Proxies: real ones, and what they say when they make no connection.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use rappel as pmc;
use rappel::{Error, ProxyOptions, ProxyType, Transport};

use super::{LARGE, client, echo};
use crate::support::client::HOST;
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::process::Example;
use crate::support::real_proxy::RealProxy;
use crate::support::wait::SILENCE;

const USER: &str = "info";
const PASSWORD: &str = "Password 1234é";

fn http(proxy: &RealProxy) -> ProxyOptions {
    ProxyOptions::new(ProxyType::Http, HOST).port(proxy.port())
}

fn socks5(proxy: &RealProxy) -> ProxyOptions {
    ProxyOptions::new(ProxyType::Socks5, HOST).port(proxy.port())
}

fn through(proxy: ProxyOptions) -> pmc::Client {
    let client = client(Transport::Tcp);
    client.proxy_set(proxy).expect("a proxy");
    client
}

/// A broker that also listens where the name `localhost` leads.
fn broker() -> (Mosquitto, u16) {
    let port = free_port();
    (Mosquitto::builder().extra_config(&format!("listener {port} localhost")).start(), port)
}

/// Asserts that the proxy makes no connection to the broker's port, and that the error says so and names all of this.
#[track_caller]
fn refused(proxy: ProxyOptions, port: u16, parts: &[&str]) {
    let error = through(proxy).connect(HOST, port).expect_err("no way");
    assert!(matches!(error, Error::Proxy { .. }), "{error:?}");
    let text = error.to_string();
    for part in parts.iter().copied().chain([format!("to 127.0.0.1:{port} through").as_str()]) {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn through_an_http_proxy() {
    let (_broker, port) = broker();
    let proxy = RealProxy::http("");
    for (host, remote) in [(HOST, true), ("localhost", true), ("localhost", false)] {
        let client = through(http(&proxy).rdns(remote));
        client.connect(host, port).expect("accepted");
        assert_eq!((client.host().as_str(), client.port()), (host, port));
        echo(&client, LARGE);
        client.disconnect().expect("connected");
    }
    let log = proxy.log();
    assert!(log.contains(&format!("CONNECT localhost:{port}")), "the name was looked up there: {log}");
}

#[test]
fn through_a_socks_5_proxy() {
    let (_broker, port) = broker();
    let proxy = RealProxy::socks5(None);
    for (host, remote) in [(HOST, true), ("localhost", true), ("localhost", false)] {
        let client = through(socks5(&proxy).rdns(remote));
        client.connect(host, port).expect("accepted");
        echo(&client, LARGE);
        client.disconnect().expect("connected");
    }
    let log = proxy.log();
    assert!(log.contains(&format!("localhost:{port}")), "the name was looked up there: {log}");
}

#[test]
fn a_proxy_with_a_password() {
    let broker = Mosquitto::start();
    let tiny = RealProxy::http(&format!("BasicAuth {USER} Password1234"));
    let micro = RealProxy::socks5(Some((USER, PASSWORD)));
    for (proxy, password) in [(http(&tiny), "Password1234"), (socks5(&micro), PASSWORD)] {
        let client = through(proxy.clone().username(USER).password(password));
        client.connect(HOST, broker.port()).expect("accepted");
        echo(&client, LARGE);
        client.disconnect().expect("connected");
        refused(proxy.clone(), broker.port(), &["wants a user name and a password", "ProxyOptions::username"]);
        refused(
            proxy.username(USER).password("wrong"),
            broker.port(),
            &["does not accept the user name or the password"],
        );
    }
}

#[test]
fn a_proxy_that_makes_no_connection() {
    let nobody = free_port();
    let tiny = RealProxy::http("");
    refused(http(&tiny), nobody, &["it answered 500", "does not reach the broker"]);
    let micro = RealProxy::socks5(None);
    refused(socks5(&micro), nobody, &["it answered 5 of SOCKS 5", "nothing listens"]);
    let narrow = RealProxy::http("ConnectPort 443");
    refused(http(&narrow), nobody, &["it answered 403", "ConnectPort"]);
}

#[test]
fn what_is_no_proxy() {
    let broker = Mosquitto::start();
    let gone = free_port();
    for kind in [ProxyType::Http, ProxyType::Socks4, ProxyType::Socks5] {
        let proxy = |port| ProxyOptions::new(kind, HOST).port(port);
        refused(proxy(gone), broker.port(), &[&format!("the proxy 127.0.0.1:{gone}"), "cannot be reached", "its port"]);
        // A broker hangs up on what is no MQTT.
        refused(proxy(broker.port()), broker.port(), &["hung up without an answer"]);
    }
    let micro = RealProxy::socks5(None);
    refused(http(&micro), broker.port(), &["HTTP"]);
}

#[test]
fn a_proxy_that_says_nothing_takes_no_longer_than_the_limit() {
    let silent = TcpListener::bind((HOST, 0)).expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    for kind in [ProxyType::Http, ProxyType::Socks4, ProxyType::Socks5] {
        let client = through(ProxyOptions::new(kind, HOST).port(port));
        client.connect_timeout_set(SILENCE).expect("a time");
        let error = client.connect(HOST, 1883).expect_err("silence");
        assert!(matches!(error, Error::ConnectTimeout { stage: "the proxy's answer", .. }), "{error:?}");
    }
}

#[test]
fn what_the_broker_says_right_behind_the_proxys_answer_is_not_lost() {
    let listener = TcpListener::bind((HOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let proxy = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = [0; 8 + 1];
        stream.read_exact(&mut request).expect("SOCKS 4 with an address and no user");
        assert_eq!(request, [4, 1, 0x07, 0x5b, 127, 0, 0, 1, 0]);
        // The proxy's answer and CONNACK, before CONNECT has come.
        stream.write_all(&[0, 90, 0, 0, 0, 0, 0, 0, 0x20, 2, 0, 0]).expect("taken");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        rest
    });
    let client = through(ProxyOptions::new(ProxyType::Socks4, HOST).port(port));
    client.connect(HOST, 1883).expect("accepted");
    drop(client);
    let heard = proxy.join().expect("no panic");
    assert_eq!(heard.first(), Some(&0x10), "CONNECT comes first");
}

#[test]
fn the_environment_names_a_proxy() {
    let broker = Mosquitto::start();
    let at = format!("{HOST}:{}", broker.port());
    let run = |variables: &[(&str, String)]| {
        let example = Example::spawn_with("publier", ["--broker", &at], |command| {
            command.env_remove("no_proxy").env_remove("NO_PROXY").envs(variables.iter().cloned());
        });
        example.wait()
    };
    let proxy = RealProxy::http(&format!("BasicAuth {USER} Password1234"));
    let url = format!("http://{USER}:Password1234@{HOST}:{}", proxy.port());
    let through = run(&[("mqtt_proxy", url)]);
    assert!(through.0.success(), "{through:?}");
    assert!(proxy.log().contains(&format!("CONNECT {at}")), "{}", proxy.log());
    let gone = format!("socks://{HOST}:{}", free_port());
    let refused = run(&[("MQTT_PROXY", gone.clone())]);
    assert!(!refused.0.success() && refused.2.contains("par le proxy"), "{refused:?}");
    let direct = run(&[("mqtt_proxy", gone), ("no_proxy", HOST.to_owned())]);
    assert!(direct.0.success(), "{direct:?}");
}

#[test]
fn a_proxy_that_cannot_be_asked_changes_nothing() {
    let broker = Mosquitto::start();
    let client = client(Transport::Tcp);
    let error = client.proxy_set(ProxyOptions::new(ProxyType::Http, "")).expect_err("no host");
    assert!(matches!(error, Error::InvalidOption { option: "proxy", .. }), "{error:?}");
    client.connect(HOST, broker.port()).expect("without a proxy");
    client.disconnect().expect("connected");
}
