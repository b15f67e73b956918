//! Coming back: what a connection left unfinished goes on with the next one, whatever else the broker says meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use rappel as pmc;

use crate::support::client::{HOST, kept, kept_options, named};
use crate::support::scripted::packet::{frame, prefixed};
use crate::support::scripted::{Peer, Script, ScriptedBroker, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe, wait_until};

/// A payload in which nothing can go missing, be added or trade places unnoticed.
fn payload() -> Vec<u8> {
    (0..30_000_u32).flat_map(u32::to_be_bytes).collect()
}

/// Resumes an exchange while a message of the broker's passes, of which the first half comes with CONNACK.
fn resume_within_a_message(protocol: pmc::Protocol) {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let message = peer.expect_publish();
            assert_eq!((message.id, message.qos), (1, 2));
            peer.pubrec(1);
            assert_eq!(peer.expect_pubrel().id, 1);
        }),
        script(|peer| {
            peer.expect_connect();
            let none: &[u8] = if peer.is_v5() { &[0] } else { &[] };
            let connack = frame(0x20, &[&[1, 0], none].concat());
            let message = frame(0x30, &[&prefixed(b"gros"), none, &payload()].concat());
            let (first, second) = message.split_at(message.len() / 2);
            peer.send_raw(&[&connack, first].concat());
            assert_eq!(peer.expect_pubrel().id, 1);
            // Everything before it has passed the link.
            assert_eq!(peer.expect_publish().id, 2);
            // The end of the message and the end of the exchange come at once.
            peer.send_raw(&[second, &[0x70, 2, 0, 1]].concat());
            peer.puback(2);
            peer.expect_disconnect();
            peer.expect_eof();
        }),
    ]);
    let client = kept("voyageur", protocol);
    let told = tell_all(&client);
    let (tell, later) = Probe::pair();
    client.on_disconnect(move |client, _, _, code, _| {
        if code != 0 {
            let _ = tell.send(client.publish("second", "", 1).expect("queued"));
        }
    });
    client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("accepted");
    client.loop_start().expect("no loop yet");
    let first = client.publish("premier", "", 2).expect("connected");
    first.wait_for_publish(DEADLINE).expect("confirmed by PUBCOMP");
    later.next("the loss").wait_for_publish(DEADLINE).expect("confirmed");
    loop {
        if let Told::Message { payload: came, .. } = told.next("the large message") {
            assert!(came == payload(), "{protocol:?}: the payload was changed on its way ({} bytes)", came.len());
            break;
        }
    }
    client.disconnect().expect("everything is confirmed");
    broker.finish();
}

#[test]
fn an_exchange_goes_on_while_a_large_message_arrives() {
    resume_within_a_message(pmc::Protocol::V311);
    resume_within_a_message(pmc::Protocol::V5);
}

#[test]
fn subscriptions_outlive_connections_that_are_lost_at_once() {
    const FLAPS: usize = 3;
    let (tell, gone) = std::sync::mpsc::channel::<()>();
    let subscribed = |peer: &mut Peer| {
        peer.accept();
        let subscribe = peer.expect_subscribe();
        assert_eq!(subscribe.filters, [("porte".to_owned(), 1)]);
        peer.suback(subscribe.id, &[1]);
    };
    let mut scripts: Vec<Script> = vec![script(move |peer| {
        subscribed(peer);
        // Until the client has dealt with the answer.
        let _ = gone.recv_timeout(DEADLINE);
    })];
    scripts.extend((0..FLAPS).map(|_| script(|peer| drop(peer.accept()))));
    scripts.push(script(move |peer| {
        subscribed(peer);
        peer.publish("porte", "ouverte", 0, 0);
        peer.expect_disconnect();
        peer.expect_eof();
    }));
    let broker = ScriptedBroker::sequence(scripts);
    let client = named("voyageur", pmc::Protocol::V311);
    let told = tell_all(&client);
    let connections = AtomicUsize::new(0);
    client.on_connect(move |client, _, _, _, _| {
        if (1..=FLAPS).contains(&connections.fetch_add(1, Ordering::Relaxed)) {
            // The loop hears of the connection when it is gone already.
            wait_until("the loss", DEADLINE, || !client.is_connected());
        }
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("porte", 1).expect("connected");
    client.loop_start().expect("no loop yet");
    while !matches!(told.next("the subscription"), Told::Subscribe { .. }) {}
    drop(tell);
    let mut again = 0;
    loop {
        match told.next("a message after the last connection") {
            Told::Subscribe { .. } => again += 1,
            Told::Message { topic, .. } => break assert_eq!(topic, "porte"),
            _ => {}
        }
    }
    assert_eq!(again, 1, "subscribed again, once");
    client.disconnect().expect("connected");
    broker.finish();
}
