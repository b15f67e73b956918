//! A session belongs to a broker: what one has begun, another knows nothing of.

use rappel as pmc;

use crate::support::client::{HOST, VERSIONS, builder, kept_options};
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Peer, ScriptedBroker};
use crate::support::wait::{DEADLINE, Probe, wait_until};

/// A client whose session outlives its connections, and which does not come back by itself while the test runs.
fn wanderer(protocol: pmc::Protocol) -> pmc::Client {
    let builder = builder().client_id("wanderer").protocol(protocol);
    let builder = match protocol {
        pmc::Protocol::V311 => builder.clean_session(false),
        _ => builder,
    };
    let client = builder.build().expect("a client");
    client.reconnect_delay_set(3_600, 3_600).expect("delays");
    client
}

/// Takes a message of QoS 2 that comes as a new one, to its end.
fn take_anew(peer: &mut Peer) {
    let message = peer.expect_publish();
    assert_eq!((message.topic.as_str(), message.qos, message.dup), ("mesure", 2, false), "published anew");
    peer.pubrec(message.id);
    assert_eq!(peer.expect_pubrel().id, message.id);
    peer.pubcomp(message.id);
}

#[test]
fn an_exchange_begun_with_one_broker_is_not_resumed_with_another() {
    for (protocol, released) in VERSIONS.into_iter().flat_map(|protocol| [(protocol, true), (protocol, false)]) {
        let first = ScriptedBroker::run(move |peer| {
            peer.accept();
            let message = peer.expect_publish();
            if released {
                peer.pubrec(message.id);
                assert_eq!(peer.expect_pubrel().id, message.id);
            }
            peer.close();
        });
        let second = ScriptedBroker::run(|peer| {
            peer.expect_connect();
            // It has a session of this id, from another time.
            peer.connack(0, true);
            take_anew(peer);
            peer.expect_disconnect();
        });
        let client = wanderer(protocol);
        client.connect_with(HOST, first.port(), kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        let info = client.publish("mesure", "21", 2).expect("connected");
        first.finish();
        wait_until("the loss", DEADLINE, || !client.is_connected());
        client.connect_with(HOST, second.port(), kept_options(protocol)).expect("accepted");
        info.wait_for_publish(DEADLINE).expect("confirmed by the second broker");
        client.disconnect().expect("all is confirmed");
        second.finish();
    }
}

#[test]
fn a_message_of_another_broker_under_a_known_id_is_delivered() {
    for protocol in VERSIONS {
        let begin = |peer: &mut Peer, payload: &str| {
            peer.publish("ordre", payload, 2, 7);
            assert_eq!(peer.expect_pubrec().id, 7);
        };
        let (done, answered) = Probe::pair();
        let first = ScriptedBroker::run(move |peer| {
            peer.accept();
            begin(peer, "of the first");
            peer.close();
        });
        let second = ScriptedBroker::run(move |peer| {
            peer.expect_connect();
            peer.connack(0, true);
            begin(peer, "of the second");
            peer.pubrel(7);
            assert_eq!(peer.expect_pubcomp().id, 7);
            let _ = done.send(());
            peer.expect_disconnect();
        });
        let client = wanderer(protocol);
        let (tell, heard) = Probe::pair();
        client.on_message(move |_, _, message| {
            let _ = tell.send(message.payload_str().into_owned());
        });
        client.connect_with(HOST, first.port(), kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        assert_eq!(heard.next("the first broker's message"), "of the first");
        first.finish();
        wait_until("the loss", DEADLINE, || !client.is_connected());
        client.connect_with(HOST, second.port(), kept_options(protocol)).expect("accepted");
        assert_eq!(heard.next("the second broker's message"), "of the second");
        answered.next("the end of the exchange");
        client.disconnect().expect("connected");
        second.finish();
    }
}

#[test]
fn back_at_the_first_broker_nothing_of_the_past_is_left() {
    // Both were told of the message; only who has confirmed it counts.
    for protocol in VERSIONS {
        let (tell, seen) = Probe::pair();
        let first = ScriptedBroker::sequence(vec![
            crate::support::scripted::script(|peer| {
                peer.accept();
                let message = peer.expect_publish();
                peer.pubrec(message.id);
                assert_eq!(peer.expect_pubrel().id, message.id);
                peer.close();
            }),
            crate::support::scripted::script(move |peer| {
                peer.expect_connect();
                peer.connack(0, true);
                let packets = peer.read_to_eof();
                let _ = tell.send(packets);
            }),
        ]);
        let second = ScriptedBroker::run(|peer| {
            peer.accept();
            take_anew(peer);
            peer.expect_disconnect();
        });
        let client = wanderer(protocol);
        client.connect_with(HOST, first.port(), kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        let info = client.publish("mesure", "21", 2).expect("connected");
        wait_until("the loss", DEADLINE, || !client.is_connected());
        client.connect_with(HOST, second.port(), kept_options(protocol)).expect("accepted");
        info.wait_for_publish(DEADLINE).expect("confirmed by the second broker");
        client.disconnect().expect("all is confirmed");
        second.finish();
        client.connect_with(HOST, first.port(), kept_options(protocol)).expect("accepted");
        client.disconnect().expect("connected");
        let packets = seen.next("the last connection");
        assert!(matches!(packets[..], [Packet::Disconnect(_)]), "{packets:?}");
        first.finish();
    }
}
