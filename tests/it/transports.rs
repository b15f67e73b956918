//! What carries MQTT: each transport on a real broker, and what each says when it fails.

mod proxies;
mod unix;
#[cfg(feature = "websockets")]
mod websockets;

use std::net::TcpListener;

use rappel as pmc;

use crate::support::client::{back_at_once, builder};
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::told::{Told, tell_all};

/// A client of this transport that is back at once.
fn client(transport: pmc::Transport) -> pmc::Client {
    back_at_once(builder().transport(transport).build().expect("a client"))
}

/// More than any buffer holds.
const LARGE: usize = 3_000_000;

/// A payload of so many bytes.
fn payload(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|number| (number % 251) as u8).collect()
}

/// Sends to itself what a transport may stumble over: nothing, a few bytes, so many bytes, at each QoS.
///
/// `client` is connected and nothing has been told yet but that.
fn echo(client: &pmc::Client, large: usize) {
    let large = payload(large);
    let told = tell_all(client);
    client.loop_start().expect("no loop yet");
    assert_eq!(told.next("on_connect"), Told::connected());
    client.subscribe("echo", 2).expect("connected");
    assert!(matches!(told.next("on_subscribe"), Told::Subscribe { .. }));
    for qos in 0..=2 {
        for payload in [Vec::new(), b"a few".to_vec(), large.clone()] {
            client.publish("echo", payload.clone(), qos).expect("taken");
            let mut came = false;
            // Its confirmation may come before or behind it.
            for _ in 0..2 {
                match told.next("an echo and a confirmation") {
                    Told::Message { payload: echoed, .. } => {
                        assert!(echoed == payload, "QoS {qos}, {} bytes: not what was sent", payload.len());
                        came = true;
                    }
                    Told::Publish { code: 0, .. } => {}
                    other => panic!("unexpected: {other:?}"),
                }
            }
            assert!(came, "QoS {qos}, {} bytes: no echo", payload.len());
        }
    }
    client.loop_stop().expect("a loop");
}

#[test]
fn an_ipv6_address() {
    let port = free_port();
    let client = client(pmc::Transport::Tcp);
    // As a machine without IPv6 would say it, too.
    let error = client.connect("::1", port).expect_err("nobody listens");
    assert!(error.to_string().contains(&format!("[::1]:{port} (")), "{error}");
    let error = client.connect("[::1]", port).expect_err("brackets belong to URLs");
    assert!(error.to_string().contains("without brackets"), "{error}");
    if TcpListener::bind(("::1", 0)).is_ok() {
        let _broker = Mosquitto::builder().extra_config(&format!("listener {port} ::1")).start();
        client.connect("::1", port).expect("accepted");
        echo(&client, LARGE);
        client.disconnect().expect("connected");
    }
}
