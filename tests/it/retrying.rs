//! When a client tries again: after the delays that were set, whatever its callbacks do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::Level;
use rappel as pmc;

use crate::support::client::{HOST, named, plain, quick};
use crate::support::logged::{is_logged, keep_log};
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::scripted::ScriptedBroker;
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe};

/// A client that would try again after an hour.
fn slow() -> pmc::Client {
    let client = plain();
    client.reconnect_delay_set(3_600, 3_600).expect("delays");
    client
}

/// As long as another client needs to come and go fifty times: many times the length of an attempt.
fn a_while() {
    let broker = Mosquitto::start();
    let client = quick();
    for _ in 0..50 {
        client.connect(HOST, broker.port()).expect("a broker");
        client.publish("t", "x", 2).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
        client.disconnect().expect("connected");
    }
}

#[test]
fn connect_async_in_on_connect_fail_waits_like_any_attempt() {
    let client = slow();
    let port = free_port();
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&attempts);
    client.on_pre_connect(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let (tell, failed) = Probe::pair();
    client.on_connect_fail(move |client, _| {
        client.connect_async(HOST, port).expect("valid");
        let _ = tell.send(());
    });
    client.connect_async(HOST, port).expect("valid");
    client.loop_start().expect("a loop");
    failed.next("the first failure");
    a_while();
    assert!(attempts.load(Ordering::SeqCst) <= 2, "{attempts:?} attempts, where one an hour was due");
}

#[test]
fn connect_async_in_on_disconnect_waits_like_any_attempt() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let broker = ScriptedBroker::serving(move |_, peer| {
        count.fetch_add(1, Ordering::SeqCst);
        // The client may have gone already.
        let _ = peer.packet_or_end();
        peer.connack(0, false);
    });
    let client = slow();
    let port = broker.port();
    let (tell, lost) = Probe::pair();
    client.on_disconnect(move |client, _, _, _, _| {
        client.connect_async(HOST, port).expect("valid");
        let _ = tell.send(());
    });
    client.connect(HOST, port).expect("accepted");
    client.loop_start().expect("a loop");
    lost.next("the first loss");
    a_while();
    assert!(connections.load(Ordering::SeqCst) <= 2, "{connections:?} connections, where one an hour was due");
    drop(client);
    broker.finish();
}

#[test]
fn connect_async_from_outside_is_not_delayed() {
    // The back-off is for what repeats itself, not for what the program asks for.
    let broker = Mosquitto::start();
    let client = slow();
    let told = tell_all(&client);
    client.connect_async(HOST, free_port()).expect("valid");
    client.loop_start().expect("a loop");
    assert_eq!(told.take(2, "the failure"), [Told::PreConnect, Told::ConnectFail]);
    client.connect_async(HOST, broker.port()).expect("valid");
    assert_eq!(told.take(2, "the connection"), [Told::PreConnect, Told::connected()]);
    client.disconnect().expect("connected");
}

#[test]
fn a_broker_that_restarts_again_and_again_is_no_second_client() {
    keep_log();
    for protocol in [pmc::Protocol::V311, pmc::Protocol::V5] {
        let id = format!("through-restarts-{}", protocol.value());
        let broker = Mosquitto::start();
        let client = named(&id, protocol);
        let (tell, connected) = Probe::pair();
        client.on_connect(move |_, _, _, code, _| {
            if code == 0 {
                let _ = tell.send(());
            }
        });
        client.connect(HOST, broker.port()).expect("a broker");
        client.loop_start().expect("a loop");
        connected.next("the first connection");
        for _ in 0..6 {
            broker.restart();
            connected.next("the client is back");
        }
        client.disconnect().expect("connected");
        assert!(!is_logged(Level::Error, &[&id, "another client"]), "a restart was taken for a second client");
    }
}

#[test]
fn nodes_that_restart_in_turn_are_no_second_client() {
    // A balancer in front of several nodes, each of which hangs up when its turn to restart has come. With MQTT 5 they say
    // so, as often as they like; with 3.1.1 three times in a row prove nothing yet.
    keep_log();
    for (protocol, turns) in [(pmc::Protocol::V5, 8), (pmc::Protocol::V311, 3)] {
        let id = format!("on-rolling-nodes-{}", protocol.value());
        let broker = ScriptedBroker::serving(move |number, peer| {
            peer.accept();
            if number >= turns {
                peer.expect_disconnect();
            } else if peer.is_v5() {
                peer.disconnect_v5(0x8b, &[]);
            }
        });
        let client = named(&id, protocol);
        let (tell, connected) = Probe::pair();
        client.on_connect(move |_, _, _, _, _| {
            let _ = tell.send(());
        });
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        connected.take(turns + 1, "all connections");
        client.disconnect().expect("connected");
        drop(client);
        broker.finish();
        assert!(!is_logged(Level::Error, &[&id, "another client"]), "{protocol:?}: taken for a second client");
    }
}
