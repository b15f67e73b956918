//! Brokers that answer otherwise than the standard says, as real ones do.

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, VERSIONS, named, quick, quick_v5};
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::DEADLINE;

#[test]
fn puback_to_a_message_of_qos_2_ends_its_exchange() {
    // RabbitMQ 3.10 does so; paho-python takes it as the confirmation.
    for protocol in VERSIONS {
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| {
                peer.accept();
                for topic in ["first", "second"] {
                    let message = peer.expect_publish();
                    assert_eq!((message.topic.as_str(), message.qos), (topic, 2));
                    peer.puback(message.id);
                }
                peer.close();
            }),
            script(|peer| {
                peer.expect_connect();
                peer.connack(0, true);
                // Nothing of it is left.
                assert_eq!(peer.expect_publish().topic, "marker");
                peer.expect_disconnect();
            }),
        ]);
        let client = crate::support::client::kept("lapin", protocol);
        let told = tell_all(&client);
        client.connect_with(HOST, broker.port(), crate::support::client::kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        for topic in ["first", "second"] {
            client.publish(topic, "x", 2).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
        }
        let mut seen = Vec::new();
        while seen.iter().filter(|event| matches!(event, Told::Connect { .. })).count() < 2 {
            seen.push(told.next("the second connection"));
        }
        let marker = client.publish("marker", "", 0).expect("connected");
        marker.wait_for_publish(DEADLINE).expect("written");
        client.disconnect().expect("all is confirmed");
        seen.extend(told.rest());
        seen.retain(|event| matches!(event, Told::Publish { .. }));
        assert_eq!(seen, [1, 2, 3].map(|mid| Told::Publish { mid, code: 0 }), "{protocol:?}: once each");
        broker.finish();
    }
}

#[test]
fn a_message_that_the_broker_forgot_after_pubrec_is_told_as_failed() {
    const PUBCOMP: u8 = 0x70;
    const PACKET_IDENTIFIER_NOT_FOUND: u8 = 0x92;
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            // No recovery: PUBREC was this connection's, so that its answer to PUBREL says that the message is lost.
            let lost = peer.expect_publish();
            peer.pubrec(lost.id);
            assert_eq!(peer.expect_pubrel().id, lost.id);
            peer.ack_v5(PUBCOMP, lost.id, PACKET_IDENTIFIER_NOT_FOUND, &[]);
            let completed = peer.expect_publish();
            peer.pubrec(completed.id);
            assert_eq!(peer.expect_pubrel().id, completed.id);
            peer.close();
        }),
        script(|peer| {
            peer.expect_connect();
            peer.connack_v5(0, true, &[]);
            // A recovery: the broker had completed it, and its PUBCOMP was on the way.
            let completed = peer.expect_pubrel();
            peer.ack_v5(PUBCOMP, completed.id, PACKET_IDENTIFIER_NOT_FOUND, &[]);
            peer.expect_disconnect();
        }),
    ]);
    let client = crate::support::client::kept("oublieux", pmc::Protocol::V5);
    let told = tell_all(&client);
    let options = crate::support::client::kept_options(pmc::Protocol::V5);
    client.connect_with(HOST, broker.port(), options).expect("accepted");
    client.loop_start().expect("a loop");
    let lost = client.publish("lost", "x", 2).expect("connected");
    let error = lost.wait_for_publish(DEADLINE).expect_err("lost");
    assert!(error.to_string().contains("Packet identifier not found (146)"), "{error}");
    let completed = client.publish("completed", "x", 2).expect("connected");
    completed.wait_for_publish(DEADLINE).expect("completed before");
    client.disconnect().expect("nothing is left");
    let mut published = told.rest();
    published.retain(|event| matches!(event, Told::Publish { .. }));
    assert_eq!(published, [Told::Publish { mid: 1, code: 0x92 }, Told::Publish { mid: 2, code: 0 }]);
    broker.finish();
}

#[test]
fn a_broker_without_mqtt_5_refuses_with_132() {
    // CONNACK as MQTT 3.1.1 writes it: session present, return code.
    for answer in [[0x20, 2, 0, 1], [0x20, 2, 1, 1], [0x20, 2, 0, 0x84]] {
        for looping in [false, true] {
            let broker = ScriptedBroker::run(move |peer| {
                assert_eq!(peer.expect_connect().level, 5);
                peer.send_raw(&answer);
                peer.expect_eof();
            });
            let client = quick_v5();
            let told = tell_all(&client);
            if looping {
                client.loop_start().expect("a loop");
            }
            let error = client.connect(HOST, broker.port()).expect_err("refused");
            assert!(matches!(&error, Error::Refused { code, .. } if *code == 132), "{answer:02x?}: {error:?}");
            assert!(error.to_string().contains("Protocol"), "{error}");
            let refused = Told::Connect { session_present: false, code: 132, properties: pmc::Properties::new() };
            assert_eq!(told.rest(), [Told::PreConnect, refused], "{answer:02x?}");
            broker.finish();
        }
    }
}

#[test]
fn a_return_code_that_3_1_1_does_not_know_is_an_unspecified_error() {
    for code in [6, 77, 128, 255] {
        let broker = ScriptedBroker::run(move |peer| {
            peer.expect_connect();
            peer.connack(code, false);
            peer.expect_eof();
        });
        let client = quick();
        let told = tell_all(&client);
        let error = client.connect(HOST, broker.port()).expect_err("refused");
        assert!(matches!(&error, Error::Refused { code, .. } if *code == 128), "{code}: {error:?}");
        let refused = Told::Connect { session_present: false, code: 128, properties: pmc::Properties::new() };
        assert_eq!(told.rest(), [Told::PreConnect, refused], "{code}");
        broker.finish();
    }
}

#[test]
fn a_broker_that_breaks_the_protocol_is_told_by_130() {
    for protocol in VERSIONS {
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| {
                peer.accept();
                // What only a client sends.
                peer.send_raw(&[0xc0, 0]);
                peer.read_to_eof();
            }),
            script(|peer| {
                peer.accept();
                peer.expect_disconnect();
            }),
        ]);
        let client = named("witness", protocol);
        let told = tell_all(&client);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        let expected =
            [Told::PreConnect, Told::connected(), Told::disconnected(130), Told::PreConnect, Told::connected()];
        assert_eq!(told.take(5, "the end and the return"), expected, "{protocol:?}");
        client.disconnect().expect("connected");
        broker.finish();
    }
}
