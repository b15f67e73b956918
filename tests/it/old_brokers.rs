//! MQTT 3.1, and how a client comes down to it; the bridge bit of that time.

use rappel as pmc;
use rappel::Protocol;

use crate::support::client::{HOST, back_at_once, builder, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Peer, ScriptedBroker, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe};

/// CONNACK of MQTT 3.1 and 3.1.1: unacceptable protocol version, identifier rejected.
const OLDER: u8 = 1;
const NAMELESS: u8 = 2;

/// Refuses the connection, which is of `level` and `id`.
fn refuse(peer: &mut Peer, level: u8, id: &str, code: u8) {
    let connect = peer.expect_connect();
    assert_eq!((connect.level, connect.client_id.as_str()), (level, id));
    peer.connack(code, false);
    peer.expect_eof();
}

/// Takes a CONNECT with a client id of random letters and digits, and gives it.
fn accept_random(peer: &mut Peer, level: u8) -> String {
    let connect = peer.accept();
    assert_eq!((connect.level, connect.client_id.len()), (level, 22), "{connect:?}");
    assert!(connect.client_id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{connect:?}");
    connect.client_id
}

#[test]
fn messages_of_every_qos_make_the_round_in_mqtt_3_1() {
    let broker = Mosquitto::start();
    let client = back_at_once(builder().protocol(Protocol::V31).build().expect("a client"));
    assert_eq!(client.client_id().len(), 22, "MQTT 3.1 has no empty client id");
    let told = tell_all(&client);
    client.will_set("gone", "gone", 1).expect("a will");
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.subscribe("t", 2).expect("connected");
    let subscribed = Told::Subscribe { mid: 1, codes: vec![2] };
    assert_eq!(told.take(3, "SUBACK"), [Told::PreConnect, Told::connected(), subscribed]);
    for qos in 0..=2 {
        client.publish("t", qos.to_string(), qos).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
        let message = loop {
            match told.next("the message") {
                Told::Publish { .. } => {}
                event => break event,
            }
        };
        assert_eq!(message, Told::message("t", qos.to_string(), qos as u8));
    }
    broker.expect_log(&format!("as {} (p1,", client.client_id()));
    client.disconnect().expect("connected");
}

#[test]
fn a_kept_session_of_mqtt_3_1_goes_on_although_its_broker_does_not_say_so() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            let connect = peer.accept();
            assert_eq!((connect.level, connect.clean), (3, false));
            let (first, second) = (peer.expect_publish(), peer.expect_publish());
            assert_eq!(((first.id, first.dup), (second.id, second.dup)), ((1, false), (2, false)));
            peer.pubrec(first.id);
            assert_eq!(peer.expect_pubrel().id, first.id);
            peer.close();
        }),
        script(|peer| {
            peer.accept();
            assert_eq!(peer.expect_pubrel().id, 1);
            peer.pubcomp(1);
            let message = peer.expect_publish();
            assert_eq!((message.id, message.dup), (2, true));
            peer.puback(message.id);
            peer.expect_disconnect();
        }),
    ]);
    let builder = builder().client_id("kept").clean_session(false).protocol(Protocol::V31);
    let client = back_at_once(builder.build().expect("a client"));
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.publish("first", "x", 2).expect("connected");
    let second = client.publish("second", "x", 1).expect("connected");
    second.wait_for_publish(DEADLINE).expect("confirmed");
    client.disconnect().expect("all is confirmed");
    broker.finish();
}

#[test]
fn a_broker_that_refuses_3_1_1_is_asked_again_in_3_1() {
    for looping in [false, true] {
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| refuse(peer, 4, "old", OLDER)),
            script(|peer| {
                assert_eq!(peer.accept().level, 3);
                peer.close();
            }),
            script(|peer| {
                assert_eq!(peer.accept().level, 3, "it is remembered");
                peer.expect_disconnect();
            }),
        ]);
        let client = back_at_once(builder().client_id("old").build().expect("a client"));
        let told = tell_all(&client);
        if looping {
            client.connect_async(HOST, broker.port()).expect("valid");
        } else {
            client.connect(HOST, broker.port()).expect("accepted in the end");
            assert_eq!(client.protocol(), Protocol::V31);
        }
        client.loop_start().expect("a loop");
        let seen = told.take(6, "both connections");
        let expected = [Told::PreConnect, Told::PreConnect, Told::connected()];
        assert_eq!(seen[..3], expected, "the refusal is not told");
        assert_eq!(seen[3..], [Told::disconnected(128), Told::PreConnect, Told::connected()]);
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn a_broker_that_refuses_an_empty_id_is_given_a_random_one() {
    let (tell, ids) = Probe::pair();
    let again = tell.clone();
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| refuse(peer, 4, "", NAMELESS)),
        script(move |peer| {
            let _ = tell.send(accept_random(peer, 4));
            peer.close();
        }),
        script(move |peer| {
            let _ = again.send(accept_random(peer, 4));
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    let (tell, connected) = Probe::pair();
    client.on_connect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect(HOST, broker.port()).expect("accepted in the end");
    client.loop_start().expect("a loop");
    connected.take(2, "both connections");
    let ids = ids.take(2, "both ids");
    assert_eq!(ids[0], ids[1], "it is kept");
    assert_eq!(client.client_id(), ids[0]);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn an_empty_id_does_not_come_down_to_3_1() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| refuse(peer, 4, "", OLDER)),
        script(|peer| {
            accept_random(peer, 3);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted in the end");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn what_is_refused_in_the_older_way_too_is_refused() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| refuse(peer, 4, "old", OLDER)),
        script(|peer| refuse(peer, 3, "old", OLDER)),
    ]);
    let client = back_at_once(builder().client_id("old").build().expect("a client"));
    let told = tell_all(&client);
    let error = client.connect(HOST, broker.port()).expect_err("refused");
    assert!(matches!(&error, pmc::Error::Refused { code, .. } if *code == 132), "{error:?}");
    let refused = Told::Connect { session_present: false, code: 132, properties: pmc::Properties::new() };
    assert_eq!(told.rest(), [Told::PreConnect, Told::PreConnect, refused], "once");
    broker.finish();
}

#[test]
fn a_client_that_is_not_to_connect_again_does_not_come_down() {
    for (id, code, reason) in [("old", OLDER, 132), ("", NAMELESS, 133)] {
        let broker = ScriptedBroker::run(move |peer| refuse(peer, 4, id, code));
        let client = back_at_once(builder().client_id(id).reconnect_on_failure(false).build().expect("a client"));
        let error = client.connect(HOST, broker.port()).expect_err("refused");
        assert!(matches!(&error, pmc::Error::Refused { code, .. } if *code == reason), "{error:?}");
        broker.finish();
    }
}

#[test]
fn a_bridge_says_so_in_every_version() {
    for protocol in [Protocol::V31, Protocol::V311, Protocol::V5] {
        let broker = ScriptedBroker::run(move |peer| {
            let connect = peer.accept();
            assert_eq!((connect.level, connect.bridge), (protocol.value(), true));
            assert!(matches!(peer.read_packet(), Packet::Disconnect(_)));
        });
        let client = back_at_once(builder().protocol(protocol).build().expect("a client"));
        client.enable_bridge_mode();
        client.connect(HOST, broker.port()).expect("accepted");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn mosquitto_spares_a_bridge_its_own_messages_and_keeps_the_retain_flag() {
    let broker = Mosquitto::start();
    for (protocol, bridges) in [(Protocol::V31, true), (Protocol::V311, true), (Protocol::V311, false)] {
        let client = back_at_once(builder().protocol(protocol).build().expect("a client"));
        if bridges {
            client.enable_bridge_mode();
        }
        let told = tell_all(&client);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        let filter = format!("{}/{bridges}/#", protocol.value());
        client.subscribe(&filter, 1).expect("connected");
        assert!(matches!(told.take(3, "SUBACK")[..], [.., Told::Subscribe { .. }]));
        let topic = filter.replace('#', "own");
        client.publish(topic, "", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
        let other = quick();
        other.connect(HOST, broker.port()).expect("accepted");
        let options = pmc::PublishOptions::new().qos(1).retain(true);
        other.publish(filter.replace('#', "other"), "x", options).expect("connected");
        other.disconnect().expect("connected");
        let (mut own, mut retained) = (false, None);
        while retained.is_none() {
            match told.next("the other's message") {
                Told::Message { topic, .. } if topic.ends_with("own") => own = true,
                Told::Message { retain, .. } => retained = Some(retain),
                _ => {}
            }
        }
        assert_eq!((own, retained), (!bridges, Some(bridges)), "{protocol}, bridge {bridges}");
        client.disconnect().expect("connected");
    }
}
