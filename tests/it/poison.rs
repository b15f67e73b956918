//! A packet after which the broker hangs up without a word: found, given up and named, while everything else goes on. And
//! a bad line, which never comes to that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::Level;
use rappel as pmc;

use crate::support::client::{HOST, kept, kept_options, quick};
#[cfg(feature = "persistence")]
use crate::support::client::{back_at_once, builder};
use crate::support::logged::{is_logged, keep_log};
use crate::support::mosquitto::Mosquitto;
use crate::support::proxy::Proxy;
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Peer, ScriptedBroker};
use crate::support::told::{Told, tell_all};
use crate::support::trials::Chance;
use crate::support::wait::DEADLINE;

/// The most connections that finding and giving up one packet may cost: six on which it goes out, and some to spare for
/// those on which something else was the oldest, or the end came too slowly to count.
const CONNECTIONS: usize = 20;

/// Takes everything until the client is gone, but hangs up on a message to `poison` and on a subscription to it; over
/// MQTT 5 with a reason.
fn take_all_but_poison(peer: &mut Peer, again: bool) {
    let connect = peer.expect_connect();
    peer.connack(0, again && !connect.clean);
    while let Some(packet) = peer.packet_or_end() {
        match packet {
            Packet::Publish(message) if message.topic == "poison" && peer.is_v5() => {
                return peer.disconnect_v5(0x90, &[]);
            }
            Packet::Publish(message) if message.topic == "poison" => return,
            Packet::Publish(message) if message.qos == 1 => peer.puback(message.id),
            Packet::Publish(message) if message.qos == 2 => peer.pubrec(message.id),
            Packet::PubRel(ack) => peer.pubcomp(ack.id),
            Packet::Subscribe(subscribe) if subscribe.filters.iter().any(|(filter, _)| filter == "poison") => return,
            Packet::Subscribe(subscribe) => peer.suback(subscribe.id, &vec![1; subscribe.filters.len()]),
            Packet::PingReq => peer.pingresp(),
            _ => {}
        }
    }
}

/// Such a broker, and how many connections it has had.
fn broker() -> (ScriptedBroker, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let broker = ScriptedBroker::serving(move |number, peer| {
        count.fetch_add(1, Ordering::SeqCst);
        take_all_but_poison(peer, number > 0);
    });
    (broker, connections)
}

#[test]
fn a_message_the_broker_hangs_up_on_is_given_up_and_the_rest_goes_on() {
    keep_log();
    for (protocol, qos) in [(pmc::Protocol::V311, 1), (pmc::Protocol::V311, 2), (pmc::Protocol::V5, 1)] {
        let (broker, connections) = broker();
        let id = format!("poisoned at QoS {qos} of {}", protocol.value());
        let client = kept(&id, protocol);
        let told = tell_all(&client);
        client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        let publish = |topic| client.publish(topic, "x", qos).expect("queued at least");
        let before = publish("before");
        let poison = publish("poison");
        let behind: Vec<_> = (0..10).map(|_| publish("behind")).collect();
        // Others are answered all the while.
        let mut stream = 0;
        let error = loop {
            match poison.wait_for_publish(0.01) {
                Err(pmc::Error::Timeout { .. }) => {
                    publish("stream").wait_for_publish(DEADLINE).expect("what is behind it goes on");
                    stream += 1;
                }
                other => break other.expect_err("given up"),
            }
        };
        assert!(matches!(&error, pmc::Error::HungUp { name } if name == "poison"), "{error:#?}");
        assert!(connections.load(Ordering::SeqCst) <= CONNECTIONS, "{connections:?} connections");
        assert!(!is_logged(Level::Error, &[&id, "another client"]), "a packet was taken for a second client");
        for info in behind.into_iter().chain([before, publish("after")]) {
            info.wait_for_publish(DEADLINE).expect("confirmed");
        }
        client.disconnect().expect("nothing is left");
        drop(client);
        broker.finish();
        let told = told.rest();
        let of_it: Vec<_> = told
            .iter()
            .filter_map(|event| match event {
                Told::Publish { mid, code } if *mid == poison.mid() => Some(*code),
                _ => None,
            })
            .collect();
        assert_eq!(of_it, [131]);
        let confirmed = told.iter().filter(|event| matches!(event, Told::Publish { code: 0, .. })).count();
        assert_eq!(confirmed, 12 + stream, "once each");
    }
}

#[test]
fn a_subscription_the_broker_hangs_up_on_is_given_up() {
    let (broker, connections) = broker();
    let client = kept("poisoned", pmc::Protocol::V311);
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.subscribe("good", 1).expect("connected");
    let poison = client.subscribe("poison", 1).expect("connected");
    let mut answer = None;
    while answer.is_none() {
        client.publish("stream", "x", 1).expect("queued at least").wait_for_publish(DEADLINE).expect("it goes on");
        assert!(connections.load(Ordering::SeqCst) <= CONNECTIONS, "{connections:?} connections");
        answer = told.rest().into_iter().find_map(|event| match event {
            Told::Subscribe { mid, codes } if mid == poison => Some(codes),
            _ => None,
        });
    }
    assert_eq!(answer, Some(vec![131]));
    // It is not asked for again.
    client.publish("after", "x", 2).expect("queued at least").wait_for_publish(DEADLINE).expect("confirmed");
    let before = connections.load(Ordering::SeqCst);
    client.reconnect().expect("accepted");
    client.publish("after", "x", 2).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    assert_eq!(connections.load(Ordering::SeqCst), before + 1);
    client.disconnect().expect("connected");
    drop(client);
    broker.finish();
}

#[cfg(feature = "persistence")]
#[test]
fn what_was_given_up_is_not_on_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = || builder().client_id("serre").clean_session(false).persistence(dir.path()).build().expect("a store");
    let (broker, _) = broker();
    let client = back_at_once(open());
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    let poison = client.publish("poison", "x", 1).expect("kept");
    while let Err(pmc::Error::Timeout { .. }) = poison.wait_for_publish(0.01) {
        client.publish("stream", "x", 1).expect("kept").wait_for_publish(DEADLINE).expect("it goes on");
    }
    assert!(matches!(poison.wait_for_publish(DEADLINE), Err(pmc::Error::HungUp { .. })));
    client.disconnect().expect("nothing is left");
    drop(client);
    broker.finish();
    assert_eq!(open().unconfirmed_messages(), 0);
}

#[test]
fn a_message_is_not_given_up_while_nothing_else_is_answered() {
    // The broker hangs up on whatever comes; that is no fault of the message.
    const BAD: usize = 15;
    for messages in [1, 5] {
        let broker = ScriptedBroker::serving(|number, peer| {
            if number >= BAD {
                return take_all_but_poison(peer, true);
            }
            peer.expect_connect();
            peer.connack(0, number > 0);
            peer.packet_or_end();
        });
        let client = kept("patient", pmc::Protocol::V311);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        let infos: Vec<_> = (0..messages).map(|n| client.publish("t", n, 1).expect("queued at least")).collect();
        for info in infos {
            info.wait_for_publish(DEADLINE).expect("confirmed in the end");
        }
        client.disconnect().expect("nothing is left");
        drop(client);
        broker.finish();
    }
}

#[test]
fn a_bad_line_alone_gives_nothing_up() {
    // Each connection is cut within the broker's answers, behind one to three of them: what is written and not answered
    // is the oldest message, again and again, and never the same for long.
    for (protocol, qos) in [(pmc::Protocol::V311, 1), (pmc::Protocol::V5, 1), (pmc::Protocol::V311, 2)] {
        const MESSAGES: usize = 100;
        let broker = Mosquitto::builder().extra_config("max_queued_messages 0").start();
        let proxy = Arc::new(Proxy::to(broker.port()));
        let client = kept("on a bad line", protocol);
        let connack = if protocol == pmc::Protocol::V5 { 16 } else { 4 };
        let mut chance = Chance::new(11);
        let mut cuts = 0;
        let line = Arc::clone(&proxy);
        client.on_pre_connect(move |_, _| {
            cuts += 1;
            let limit = (cuts <= 60).then(|| connack + 4 + 4 * chance.below(3) as u64 + chance.below(4) as u64);
            line.cut_after(None, limit);
        });
        client.connect_with(HOST, proxy.port(), kept_options(protocol)).expect("a broker");
        client.loop_start().expect("a loop");
        let infos: Vec<_> = (0..MESSAGES).map(|n| client.publish("t", n, qos).expect("accepted")).collect();
        for info in infos {
            info.wait_for_publish(DEADLINE).expect("confirmed");
        }
        println!("{protocol:?}, QoS {qos}: {} connections", proxy.accepted());
        assert!(proxy.accepted() > 20, "hardly anything was cut: {} connections", proxy.accepted());
        client.disconnect().expect("all is confirmed");
    }
}

#[test]
fn a_message_at_qos_0_is_not_sent_again() {
    // Nobody can say whether it arrived; it cannot hold anything up.
    let (broker, connections) = broker();
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.publish("poison", "x", 0).expect("connected");
    client.publish("behind", "x", 1).expect("queued at least").wait_for_publish(DEADLINE).expect("confirmed");
    assert!(connections.load(Ordering::SeqCst) <= 2, "{connections:?}");
    client.disconnect().expect("all is confirmed");
    drop(client);
    broker.finish();
}
