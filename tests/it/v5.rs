//! What MQTT 5 adds: properties both ways, sessions with an end, and a broker that says why it leaves.

use std::time::Duration;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, builder_v5, named, quick_v5};
use crate::support::logged::{expect_logged, keep_log};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::{ScriptedBroker, property, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe};

/// The next event that is `on_connect`.
fn connect_event(told: &Probe<Told>) -> (bool, u8, pmc::Properties) {
    loop {
        if let Told::Connect { session_present, code, properties } = told.next("on_connect") {
            return (session_present, code, properties);
        }
    }
}

#[test]
fn properties_of_a_message_make_the_round() {
    let broker = Mosquitto::start();
    let client = quick_v5();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    client.subscribe("t", pmc::SubscribeOptions::new().qos(2)).expect("connected");
    assert!(matches!(told.take(3, "SUBACK")[..], [.., Told::Subscribe { .. }]));
    let properties = pmc::Properties::new()
        .with_payload_format_indicator(1)
        .with_content_type("text/plain")
        .with_response_topic("answers/é")
        .with_correlation_data([0, 1, 255])
        .with_user_property("a", "1")
        .with_user_property("b", "é")
        .with_user_property("a", "2");
    for qos in 0..=2_u8 {
        let options = pmc::PublishOptions::new().qos(qos).properties(properties.clone());
        client.publish("t", "é", options).expect("connected");
        let message = loop {
            match told.next("the message") {
                Told::Publish { .. } => {}
                event => break event,
            }
        };
        let payload = "é".as_bytes().to_vec();
        let expected = Told::Message { topic: "t".into(), payload, qos, retain: false, properties: properties.clone() };
        assert_eq!(message, expected);
    }
    let expiring = properties.clone().with_message_expiry_interval(3600);
    client.publish("t", "", pmc::PublishOptions::new().properties(expiring)).expect("connected");
    loop {
        if let Told::Message { properties, .. } = told.next("the message that expires") {
            assert!(matches!(properties.message_expiry_interval, Some(3590..=3600)), "{properties:?}");
            break;
        }
    }
}

#[test]
fn the_properties_of_connect_and_connack() {
    let (tell, pinged) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        let connect = peer.expect_connect();
        assert_eq!((connect.level, connect.clean, connect.client_id.as_str()), (5, true, "id"));
        let mut sent = property::split(&connect.properties);
        sent.sort();
        let mut expected = vec![
            property::four_bytes(0x11, 77),
            property::two_bytes(0x21, 9),
            property::four_bytes(0x27, 100_000),
            property::user("k", "v"),
        ];
        expected.sort();
        assert_eq!(sent, expected);
        let will = connect.will.expect("a will");
        assert_eq!((will.topic.as_str(), will.qos), ("will", 1));
        let mut sent = property::split(&will.properties);
        sent.sort();
        assert_eq!(sent, [property::text(0x03, "text/plain"), property::four_bytes(0x18, 5)]);
        let properties = [
            property::text(0x12, "assigned"),
            property::two_bytes(0x13, 2),
            property::byte(0x25, 0),
            property::two_bytes(0x22, 3),
            property::user("motd", "bonjour"),
        ];
        peer.connack_v5(0, false, &properties.concat());
        // The broker's keep-alive counts, not the client's.
        peer.expect_pingreq();
        peer.pingresp();
        let _ = tell.send(());
        peer.expect_disconnect();
    });
    let client = named("id", pmc::Protocol::V5);
    let told = tell_all(&client);
    let will = pmc::Properties::new().with_will_delay_interval(5).with_content_type("text/plain");
    client.will_set("will", "gone", pmc::PublishOptions::new().qos(1).properties(will)).expect("valid");
    let properties = pmc::Properties::new()
        .with_session_expiry_interval(77)
        .with_receive_maximum(9)
        .with_maximum_packet_size(100_000)
        .with_user_property("k", "v");
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_secs(600)).properties(properties);
    client.connect_with(HOST, broker.port(), options).expect("accepted");
    client.loop_start().expect("no loop yet");
    let (session_present, code, properties) = connect_event(&told);
    assert!(!session_present && code == 0);
    let expected = pmc::Properties::new()
        .with_assigned_client_identifier("assigned")
        .with_server_keep_alive(2)
        .with_retain_available(false)
        .with_topic_alias_maximum(3)
        .with_user_property("motd", "bonjour");
    assert_eq!(properties, expected);
    pinged.next("the ping");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn clean_start_is_for_the_first_connection() {
    for (clean_start, expected) in [
        (None, [true, false, true]),
        (Some(pmc::CleanStart::FirstOnly), [true, false, true]),
        (Some(pmc::CleanStart::Always), [true, true, true]),
        (Some(pmc::CleanStart::Never), [false, false, false]),
    ] {
        let connection = |clean: bool, lose: bool| {
            script(move |peer| {
                let connect = peer.expect_connect();
                assert_eq!(connect.clean, clean);
                peer.connack(0, !clean);
                if !lose {
                    peer.expect_disconnect();
                }
            })
        };
        let [first, second, third] = expected;
        let scripts = vec![connection(first, true), connection(second, false), connection(third, false)];
        let broker = ScriptedBroker::sequence(scripts);
        let client = named("id", pmc::Protocol::V5);
        let told = tell_all(&client);
        let options = || match clean_start {
            Some(clean_start) => pmc::ConnectOptions::new().clean_start(clean_start),
            None => pmc::ConnectOptions::new(),
        };
        client.connect_with(HOST, broker.port(), options()).expect("accepted");
        client.loop_start().expect("no loop yet");
        assert_eq!(connect_event(&told).0, !first);
        assert_eq!(connect_event(&told).0, !second);
        client.disconnect().expect("connected");
        // A new connect of the program is a first connection again.
        client.connect_with(HOST, broker.port(), options()).expect("accepted");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn a_session_lasts_as_long_as_asked() {
    let broker = Mosquitto::start();
    let options = |expiry: u32| {
        let properties = pmc::Properties::new().with_session_expiry_interval(expiry);
        pmc::ConnectOptions::new().clean_start(false).properties(properties)
    };
    let first = named("kept", pmc::Protocol::V5);
    first.connect_with(HOST, broker.port(), options(3600)).expect("accepted");
    let told = tell_all(&first);
    first.subscribe("t", 1).expect("connected");
    first.disconnect().expect("connected");
    assert!(!connect_event(&told).0);
    drop(first);

    let publisher = named("other", pmc::Protocol::V5);
    publisher.connect(HOST, broker.port()).expect("accepted");
    publisher.publish("t", "while away", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");

    let second = named("kept", pmc::Protocol::V5);
    let told = tell_all(&second);
    second.connect_with(HOST, broker.port(), options(3600)).expect("accepted");
    second.loop_start().expect("no loop yet");
    assert!(connect_event(&told).0, "the session is there");
    assert_eq!(told.next("what came meanwhile"), Told::message("t", "while away", 1));
    // Ended on demand.
    let properties = pmc::Properties::new().with_session_expiry_interval(0);
    second.disconnect_with(pmc::DisconnectOptions::new().properties(properties)).expect("connected");
    drop(second);

    let third = named("kept", pmc::Protocol::V5);
    let told = tell_all(&third);
    third.connect_with(HOST, broker.port(), options(0)).expect("accepted");
    third.loop_start().expect("no loop yet");
    assert!(!connect_event(&told).0, "the session is gone");
}

#[test]
fn a_session_that_ends_with_its_connection_is_not_kept_by_disconnect() {
    // A protocol error (3.14.2.2.2): the broker would drop the session without a word to anybody.
    let properties = |expiry: u32| pmc::Properties::new().with_session_expiry_interval(expiry);
    for asked in [None, Some(0)] {
        let broker = ScriptedBroker::run(|peer| {
            peer.accept();
            peer.expect_disconnect();
        });
        let client = quick_v5();
        let options = pmc::ConnectOptions::new().properties(asked.map(properties).unwrap_or_default());
        client.connect_with(HOST, broker.port(), options).expect("accepted");
        let error =
            client.disconnect_with(pmc::DisconnectOptions::new().properties(properties(60))).expect_err("too late");
        assert!(matches!(error, Error::InvalidProperty { property: "session_expiry_interval", .. }), "{error:?}");
        assert!(error.to_string().contains("ConnectOptions"), "{error}");
        assert!(client.is_connected(), "what is refused changes nothing");
        client.disconnect_with(pmc::DisconnectOptions::new().properties(properties(0))).expect("nothing new");
        broker.finish();
    }
}

#[test]
fn a_client_leaves_with_the_reasons_of_a_client() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        assert_eq!(peer.expect_disconnect().code, 4);
    });
    let client = quick_v5();
    client.connect(HOST, broker.port()).expect("accepted");
    // No reason, one of other packets, and one that only a broker has (table 3-10).
    for code in [-1, 1, 200, 260, 0x86, 0x8e] {
        let error =
            client.disconnect_with(pmc::DisconnectOptions::new().reason_code(code)).expect_err("no such reason");
        assert!(matches!(error, Error::InvalidOption { option: "reason_code", .. }), "{code}: {error:?}");
        assert!(client.is_connected(), "what is refused changes nothing");
    }
    let by_name = pmc::ReasonCode::from_name(pmc::PacketType::Disconnect, "Disconnect with will message");
    let options = pmc::DisconnectOptions::new().reason_code(by_name.expect("it has this name"));
    client.disconnect_with(options).expect("connected");
    broker.finish();
}

#[test]
fn the_broker_says_why_it_leaves() {
    let reason = [property::text(0x1f, "maintenance"), property::user("until", "noon")].concat();
    let broker = ScriptedBroker::sequence(vec![
        script(move |peer| {
            peer.accept();
            peer.disconnect_v5(0x8b, &reason);
            peer.expect_eof();
        }),
        script(|peer| {
            peer.accept();
            // Even without an error it is the broker that leaves: the client comes back.
            peer.send_raw(&[0xe0, 0]);
            peer.expect_eof();
        }),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let client = named("id", pmc::Protocol::V5);
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    let properties = pmc::Properties::new().with_reason_string("maintenance").with_user_property("until", "noon");
    let expected = [
        Told::PreConnect,
        Told::connected(),
        Told::Disconnect { code: 0x8b, by_server: true, properties },
        Told::PreConnect,
        Told::connected(),
        Told::Disconnect { code: 0, by_server: true, properties: pmc::Properties::new() },
        Told::PreConnect,
        Told::connected(),
    ];
    assert_eq!(told.take(8, "two ends and three connections"), expected);
    client.disconnect().expect("connected");
    assert_eq!(told.next("our own end"), Told::disconnected(0));
    broker.finish();
}

#[test]
fn without_reconnect_the_brokers_reason_is_the_error() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        peer.disconnect_v5(0x8b, &[]);
        peer.expect_eof();
    });
    let builder = builder_v5().reconnect_on_failure(false);
    let client = builder.build().expect("a client");
    client.connect(HOST, broker.port()).expect("accepted");
    let error = client.loop_forever().expect_err("the broker has left");
    assert!(matches!(error, Error::ConnectionLost { code } if code == "Server shutting down"), "{error:?}");
    assert!(error.to_string().contains("Server shutting down (139)"), "{error}");
    broker.finish();
}

#[test]
fn a_second_client_with_the_same_id_is_explained() {
    keep_log();
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        peer.disconnect_v5(0x8e, &[]);
        peer.expect_eof();
    });
    let told = named("told-of-its-twin", pmc::Protocol::V5);
    told.connect(HOST, broker.port()).expect("accepted");
    told.loop_start().expect("no loop yet");
    expect_logged(log::Level::Error, &["another client", "told-of-its-twin"]);
    broker.finish();

    // Mosquitto just closes the connection: what tells is that it does so again and again.
    let broker = Mosquitto::start();
    let twins = [named("kicked-by-its-twin", pmc::Protocol::V5), named("kicked-by-its-twin", pmc::Protocol::V5)];
    for twin in &twins {
        twin.connect(HOST, broker.port()).expect("accepted");
        twin.loop_start().expect("no loop yet");
    }
    expect_logged(log::Level::Error, &["another client", "kicked-by-its-twin"]);
}

#[test]
fn a_malformed_packet_is_answered_with_its_reason() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        // PUBACK with half a packet identifier.
        peer.send_raw(&[0x40, 1, 0]);
        assert_eq!(peer.expect_disconnect().code, 0x81);
        peer.expect_eof();
    });
    let builder = builder_v5().reconnect_on_failure(false);
    let client = builder.build().expect("a client");
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    assert!(client.loop_forever().is_err());
    assert_eq!(told.rest(), [Told::PreConnect, Told::connected(), Told::disconnected(130)]);
    broker.finish();
}
