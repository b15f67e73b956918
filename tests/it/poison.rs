//! A packet after which the broker hangs up without a word: found, given up and named, while everything else goes on. And
//! a bad line, which never comes to that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rappel as pmc;

use crate::support::client::{HOST, kept, kept_options, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::proxy::Proxy;
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Peer, ScriptedBroker};
use crate::support::trials::Chance;
use crate::support::wait::DEADLINE;

/// Takes everything until the client is gone, but hangs up on a message to `poison` and on a subscription to it.
fn take_all_but_poison(peer: &mut Peer, again: bool) {
    let connect = peer.expect_connect();
    peer.connack(0, again && !connect.clean);
    while let Some(packet) = peer.packet_or_end() {
        match packet {
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
            assert_eq!(peer.expect_publish().qos, 1);
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
