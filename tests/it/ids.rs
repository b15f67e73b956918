//! Client ids and packet ids: what CONNECT says who one is, and what stays the same when a message is sent again.

use rappel as pmc;

use crate::support::client::{HOST, VERSIONS, kept, kept_options, named, plain, quick, quick_v5};
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Peer, ScriptedBroker, property, script};
use crate::support::wait::{DEADLINE, Probe};

#[test]
fn an_empty_client_id_is_sent_empty() {
    for (client, level) in [(quick(), 4), (quick_v5(), 5)] {
        let connect = move |peer: &mut Peer| {
            let connect = peer.accept();
            assert_eq!((connect.level, connect.client_id.as_str(), connect.clean), (level, "", true));
        };
        let broker = ScriptedBroker::sequence(vec![
            script(move |peer| {
                connect(peer);
                peer.close();
            }),
            script(move |peer| {
                let again = peer.accept();
                assert_eq!((again.level, again.client_id.as_str()), (level, ""), "nobody gave it another one");
                peer.expect_disconnect();
            }),
        ]);
        let (tell, connected) = Probe::pair();
        client.on_connect(move |_, _, _, _, _| {
            let _ = tell.send(());
        });
        assert_eq!(client.client_id(), "");
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        connected.take(2, "both connections");
        assert_eq!(client.client_id(), "");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn an_id_that_the_broker_assigns_is_kept_for_reconnections() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            assert_eq!(peer.expect_connect().client_id, "");
            peer.connack_v5(0, false, &property::text(0x12, "given-7"));
            peer.close();
        }),
        script(|peer| {
            assert_eq!(peer.accept().client_id, "given-7");
            peer.expect_eof();
        }),
        script(|peer| {
            assert_eq!(peer.accept().client_id, "given-7");
            peer.expect_disconnect();
        }),
    ]);
    let client = quick_v5();
    let (tell, connected) = Probe::pair();
    client.on_connect(move |client, _, _, _, _| {
        let _ = tell.send(client.client_id());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    assert_eq!(connected.take(2, "both connections"), ["given-7", "given-7"]);
    client.reconnect().expect("accepted");
    assert_eq!(client.client_id(), "given-7");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn clients_without_an_id_get_along_on_a_real_broker() {
    let broker = crate::support::mosquitto::Mosquitto::start();
    let clients = [plain(), plain()];
    for client in &clients {
        client.connect(HOST, broker.port()).expect("accepted");
    }
    for client in clients {
        client.publish("t", "", 2).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
        client.disconnect().expect("connected");
    }
}

/// What a PUBLISH is known by: topic, packet id, DUP.
fn mark(packet: Packet) -> (String, u16, bool) {
    match packet {
        Packet::Publish(message) => (message.topic, message.id, message.dup),
        Packet::PubRel(ack) => ("PUBREL".to_owned(), ack.id, false),
        other => panic!("neither PUBLISH nor PUBREL: {other:?}"),
    }
}

/// Three messages of QoS 2: `one` is released, `two` has its PUBREC, `three` has nothing. Then the connection is lost,
/// and the next one begins as `present` says; the first packets of each message there.
fn sent_again(client: &pmc::Client, options: pmc::ConnectOptions, present: bool) -> Vec<(String, u16, bool)> {
    let (tell, seen) = Probe::pair();
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            for id in 1..=3 {
                let message = peer.expect_publish();
                assert_eq!((message.id, message.dup), (id, false));
            }
            peer.pubrec(1);
            assert_eq!(peer.expect_pubrel().id, 1);
            peer.pubrec(2);
            assert_eq!(peer.expect_pubrel().id, 2);
            peer.close();
        }),
        script(move |peer| {
            peer.expect_connect();
            peer.connack(0, present);
            let first = [peer.read_packet(), peer.read_packet(), peer.read_packet()].map(mark);
            for (what, id, _) in &first {
                if what != "PUBREL" {
                    peer.pubrec(*id);
                    assert_eq!(peer.expect_pubrel().id, *id);
                }
                peer.pubcomp(*id);
            }
            let _ = tell.send(first.to_vec());
            peer.expect_disconnect();
        }),
    ]);
    client.connect_with(HOST, broker.port(), options).expect("accepted");
    client.loop_start().expect("a loop");
    let infos = ["one", "two", "three"].map(|topic| client.publish(topic, "x", 2).expect("connected"));
    let first = seen.next("the next connection");
    for info in infos {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("all is confirmed");
    broker.finish();
    first
}

/// `PUBLISH` of each message in its order, with DUP or not.
fn published(dup: bool) -> Vec<(String, u16, bool)> {
    vec![("one".to_owned(), 1, dup), ("two".to_owned(), 2, dup), ("three".to_owned(), 3, dup)]
}

#[test]
fn a_clean_session_of_3_1_1_sends_again_with_id_and_dup() {
    // As paho-python does: the broker may have the session's messages, even if it has lost the session.
    assert_eq!(sent_again(&named("clean", pmc::Protocol::V311), pmc::ConnectOptions::new(), false), published(true));
}

#[test]
fn a_kept_session_of_3_1_1_that_was_lost_sends_again_with_id_and_dup() {
    let client = kept("lost", pmc::Protocol::V311);
    assert_eq!(sent_again(&client, pmc::ConnectOptions::new(), false), published(true));
}

#[test]
fn a_lost_session_of_5_publishes_anew() {
    let client = kept("lost", pmc::Protocol::V5);
    let anew: Vec<_> = sent_again(&client, kept_options(pmc::Protocol::V5), false);
    let topics: Vec<_> = anew.iter().map(|(topic, _, dup)| (topic.as_str(), *dup)).collect();
    assert_eq!(topics, [("one", false), ("two", false), ("three", false)]);
}

#[test]
fn a_session_that_is_there_goes_on() {
    for protocol in VERSIONS {
        let client = kept("there", protocol);
        let expected =
            [("PUBREL".to_owned(), 1, false), ("PUBREL".to_owned(), 2, false), ("three".to_owned(), 3, true)];
        assert_eq!(sent_again(&client, kept_options(protocol), true), expected);
    }
}
