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
