//! What the test suites of other clients ask (paho-python's, Mosquitto's, rumqttc's), where no other module does.

use std::sync::{Arc, Mutex};

use rappel as pmc;

use crate::support::client::{HOST, VERSIONS, builder, kept, kept_options, named, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::wait::Probe;

/// Notes what a callback was told; what panics in a callback ends there.
fn tell(told: &Mutex<Vec<String>>, what: String) {
    told.lock().expect("no panic").push(what);
}

fn names(codes: &[pmc::ReasonCode]) -> String {
    codes.iter().map(|code| code.name()).collect::<Vec<_>>().join(", ")
}

#[test]
fn each_callback_calls_for_the_next() {
    for protocol in VERSIONS {
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            let subscribe = peer.expect_subscribe();
            assert_eq!((subscribe.id, &subscribe.filters[..]), (1, &[("t".to_owned(), 0)][..]));
            peer.suback(1, &[0]);
            let message = peer.expect_publish();
            assert_eq!((message.id, message.qos, &message.payload[..]), (2, 2, &b"question"[..]));
            peer.pubrec(2);
            assert_eq!(peer.expect_pubrel().id, 2);
            peer.pubcomp(2);
            peer.publish("t", "answer", 0, 0);
            let unsubscribe = peer.expect_unsubscribe();
            assert_eq!((unsubscribe.id, &unsubscribe.filters[..]), (3, &["t".to_owned()][..]));
            let codes: &[u8] = if peer.is_v5() { &[0] } else { &[] };
            peer.unsuback(3, codes);
            peer.expect_disconnect();
            peer.expect_eof();
        });
        let client = builder().protocol(protocol).userdata(Mutex::new(Vec::new())).build().expect("a client");
        client.on_connect(|client, told, flags, code, _| {
            tell(told, format!("on_connect {} {code}", flags.session_present));
            client.subscribe_many([("t", 0)])?;
            Ok(())
        });
        client.on_subscribe(|client, told, mid, codes, _| {
            tell(told, format!("on_subscribe {mid} {}", names(codes)));
            client.publish("t", "question", 2)?;
            Ok(())
        });
        client.on_publish(|_, told, mid, code, _| tell(told, format!("on_publish {mid} {code}")));
        client.on_message(|client, told, message| {
            tell(told, format!("on_message {} {}", message.topic, message.payload_str()));
            client.unsubscribe("t")?;
            Ok(())
        });
        client.on_unsubscribe(|client, told, mid, codes, _| {
            tell(told, format!("on_unsubscribe {mid} {}", names(codes)));
            client.disconnect()?;
            Ok(())
        });
        client.on_disconnect(|_, told, _, code, _| tell(told, format!("on_disconnect {code}")));
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_forever().expect("ended by the last but one callback");
        broker.finish();
        // MQTT 3.1.1 has no codes in UNSUBACK.
        let unsubscribed = if protocol == pmc::Protocol::V5 { "on_unsubscribe 3 Success" } else { "on_unsubscribe 3 " };
        let expected = [
            "on_connect false Success",
            "on_subscribe 1 Granted QoS 0",
            "on_publish 2 Success",
            "on_message t answer",
            unsubscribed,
            "on_disconnect Normal disconnection",
        ];
        assert_eq!(*client.user_data_get().lock().expect("no panic"), expected, "{protocol:?}");
    }
}

#[test]
fn what_on_pre_connect_sets_is_in_the_connect_that_follows() {
    let said = |number: u32| {
        script(move |peer| {
            let connect = peer.accept();
            assert_eq!(connect.user.as_deref(), Some(format!("user {number}").as_str()));
            assert_eq!(connect.password.as_deref(), Some(&b"secret"[..]));
            let will = connect.will.expect("a will");
            assert_eq!((will.topic.as_str(), will.payload), ("will", number.to_string().into_bytes()));
            assert_eq!(connect.keepalive, 100 + number as u16);
            if number == 2 {
                peer.expect_disconnect();
            }
        })
    };
    let broker = ScriptedBroker::sequence(vec![said(0), said(1), said(2)]);
    let client = quick();
    let mut number = 0;
    client.on_pre_connect(move |client, _| {
        client.username_pw_set(format!("user {number}"), "secret");
        client.will_set("will", number, 1)?;
        client.keepalive_set(100 + number)?;
        number += 1;
        Ok(())
    });
    let mut connections = 0;
    client.on_connect(move |client, _, _, _, _| {
        connections += 1;
        if connections == 3 {
            client.disconnect()?;
        }
        Ok(())
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_forever().expect("ended by on_connect");
    broker.finish();
}

#[test]
fn a_disconnect_in_on_message_goes_behind_the_messages_answer() {
    for (protocol, qos) in VERSIONS.into_iter().flat_map(|protocol| [(protocol, 1), (protocol, 2)]) {
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            peer.publish("t", "the last one", qos, 9);
            match (qos, peer.read_packet()) {
                (1, Packet::PubAck(ack)) | (2, Packet::PubRec(ack)) => assert_eq!(ack.id, 9),
                (_, other) => panic!("no answer to the message: {other:?}"),
            }
            peer.expect_disconnect();
            peer.expect_eof();
        });
        let client = named("last", protocol);
        client.on_message(|client, _, _| {
            client.disconnect()?;
            Ok(())
        });
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_forever().expect("ended by on_message");
        broker.finish();
    }
}

#[test]
fn reconnect_in_on_disconnect_after_ones_own_disconnect() {
    for protocol in VERSIONS {
        let broker = Mosquitto::start();
        let client = kept("again", protocol);
        let told = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&told);
        client.on_connect(move |client, _, flags, code, _| {
            tell(&to, format!("on_connect {} {code}", flags.session_present));
            client.disconnect()?;
            Ok(())
        });
        let (to, mut again) = (Arc::clone(&told), true);
        client.on_disconnect(move |client, _, _, code, _| {
            tell(&to, format!("on_disconnect {code}"));
            if std::mem::take(&mut again) {
                client.reconnect()?;
            }
            Ok(())
        });
        client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("accepted");
        client.loop_forever().expect("ended by the second disconnect");
        let ended = "on_disconnect Normal disconnection";
        let expected = ["on_connect false Success", ended, "on_connect true Success", ended];
        assert_eq!(*told.lock().expect("no panic"), expected, "{protocol:?}");
    }
}

#[test]
fn answers_in_any_order_make_room_in_the_window() {
    for protocol in VERSIONS {
        let broker = ScriptedBroker::run(|peer| {
            peer.accept();
            let mut ids = |count: usize, answers: &[u16]| {
                let ids: Vec<u16> = (0..count).map(|_| peer.expect_publish().id).collect();
                answers.iter().for_each(|id| peer.puback(*id));
                ids
            };
            assert_eq!(ids(4, &[4, 2]), [1, 2, 3, 4]);
            assert_eq!(ids(2, &[6, 1, 3]), [5, 6]);
            assert_eq!(ids(3, &[9, 8, 7, 5]), [7, 8, 9]);
            assert_eq!(ids(1, &[10]), [10]);
            peer.expect_disconnect();
        });
        let client = named("window", protocol);
        client.max_inflight_messages_set(4);
        let (tell, heard) = Probe::pair();
        client.on_publish(move |_, _, mid, _, _| {
            let _ = tell.send(mid);
        });
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("no loop yet");
        for number in 1..=10 {
            client.publish("t", number, 1).expect("connected");
        }
        // In the order of the answers, each once.
        assert_eq!(heard.take(10, "the confirmations"), [4, 2, 6, 1, 3, 9, 8, 7, 5, 10], "{protocol:?}");
        client.disconnect().expect("all is confirmed");
        broker.finish();
    }
}
