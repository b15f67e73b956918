//! Unix sockets, on a real broker.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rappel::{Error, Transport};
use tempfile::TempDir;

use super::{LARGE, client, echo};
use crate::support::client::HOST;
use crate::support::mosquitto::Mosquitto;
use crate::support::told::{Told, tell_all};
use crate::support::wait::SILENCE;

/// A broker that also listens on a Unix socket, and its path.
fn broker(dir: &Path) -> (Mosquitto, String) {
    let path = path_text(dir.join("broker.sock"));
    (Mosquitto::builder().extra_config(&format!("listener 0 {path}")).start(), path)
}

fn path_text(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("UTF-8")
}

#[test]
fn a_broker_on_a_unix_socket() {
    let dir = TempDir::new().expect("a directory");
    let (_broker, path) = broker(dir.path());
    let client = client(Transport::Unix);
    assert_eq!((client.transport(), client.transport().to_string()), (Transport::Unix, "unix".to_owned()));
    client.connect(&path, 1883).expect("accepted");
    assert_eq!(client.host(), path);
    echo(&client, LARGE);
    client.disconnect().expect("connected");
}

#[test]
fn back_at_a_unix_socket_after_the_brokers_restart() {
    let dir = TempDir::new().expect("a directory");
    let (broker, path) = broker(dir.path());
    let client = client(Transport::Unix);
    client.connect(&path, 0).expect("accepted: the port counts for nothing");
    let told = tell_all(&client);
    client.loop_start().expect("no loop yet");
    assert_eq!(told.next("on_connect"), Told::connected());
    broker.restart();
    while told.next("connected again") != Told::connected() {}
    client.publish("t", "x", 1).expect("connected").wait_for_publish(None).expect("confirmed");
    client.disconnect().expect("connected");
}

#[test]
fn what_is_wrong_with_a_unix_socket() {
    let dir = TempDir::new().expect("a directory");
    let client = client(Transport::Unix);
    let fails = |path: &str, parts: &[&str]| {
        let error = client.connect(path, 1883).expect_err("no broker there");
        assert!(matches!(error, Error::SocketUnreachable { .. }), "{error:?}");
        for part in parts.iter().chain(&[path]) {
            assert!(error.to_string().contains(part), "{part:?} is not in {error}");
        }
    };
    let missing = path_text(dir.path().join("missing"));
    fails(&missing, &["no such file", &format!("`listener 0 {missing}`")]);
    let left_over = path_text(dir.path().join("left over"));
    drop(UnixListener::bind(&left_over).expect("a socket"));
    fails(&left_over, &["nobody listens on it"]);
    fails(&path_text(dir.path().join("x".repeat(200))), &["shorter"]);

    for path in ["", "a\0b"] {
        let error = client.connect(path, 1883).expect_err("no path");
        assert!(matches!(error, Error::InvalidOption { option: "host", .. }), "{error:?}");
    }
    // A path without the transport, and the way back.
    client.transport_set(Transport::Tcp).expect("always there");
    let error = client.connect(&missing, 1883).expect_err("not a name");
    assert!(error.to_string().contains("Transport::Unix"), "{error}");
    let broker = Mosquitto::start();
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("connected");
}

#[test]
fn errors_name_the_socket_without_a_port() {
    let dir = TempDir::new().expect("a directory");
    let path = path_text(dir.path().join("silent.sock"));
    let _silent = UnixListener::bind(&path).expect("a socket");
    let client = client(Transport::Unix);
    client.connect_timeout_set(SILENCE).expect("a time");
    let error = client.connect(&path, 1883).expect_err("nobody answers");
    assert!(matches!(error, Error::ConnectTimeout { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("no answer from {path} within")), "{error}");
}
