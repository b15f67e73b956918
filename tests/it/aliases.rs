//! Topic aliases, both ways (MQTT 5, section 3.3.2.3.4), and what else may be asked for and cannot be done.

use std::collections::HashMap;

use rappel as pmc;

use crate::support::client::{HOST, quick_v5};
use crate::support::scripted::packet::{Packet, Publish};
use crate::support::scripted::{Peer, ScriptedBroker, property, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe};

/// Options of a connection that takes aliases up to 5.
fn with_aliases() -> pmc::ConnectOptions {
    pmc::ConnectOptions::new().properties(pmc::Properties::new().with_topic_alias_maximum(5))
}

fn send_aliased(peer: &mut Peer, topic: &str, alias: u16, payload: &str, qos: u8, id: u16) {
    let (topic, payload) = (topic.to_owned(), payload.as_bytes().to_vec());
    let properties = property::two_bytes(0x23, alias);
    peer.send_publish(&Publish { topic, payload, qos, id, properties, ..Publish::default() });
}

/// `on_message` for a message that came with an alias.
fn aliased(topic: &str, payload: &str, qos: u8, alias: u16) -> Told {
    Told::Message {
        topic: topic.to_owned(),
        payload: payload.into(),
        qos,
        retain: false,
        properties: pmc::Properties::new().with_topic_alias(alias),
    }
}

#[test]
fn a_brokers_aliases_are_resolved() {
    let broker = ScriptedBroker::run(|peer| {
        assert!(property::split(&peer.accept().properties).contains(&property::two_bytes(0x22, 5)));
        send_aliased(peer, "serre/1", 3, "a", 0, 0);
        send_aliased(peer, "", 3, "b", 1, 7);
        assert_eq!(peer.expect_puback().id, 7);
        send_aliased(peer, "serre/2", 5, "c", 0, 0);
        send_aliased(peer, "", 3, "d", 2, 8);
        assert_eq!(peer.expect_pubrec().id, 8);
        peer.pubrel(8);
        assert_eq!(peer.expect_pubcomp().id, 8);
        // An alias may be given to another topic.
        send_aliased(peer, "serre/3", 3, "e", 0, 0);
        send_aliased(peer, "", 3, "f", 0, 0);
        send_aliased(peer, "", 5, "g", 0, 0);
        peer.publish("plain", "h", 0, 0);
        peer.expect_disconnect();
    });
    let client = quick_v5();
    let told = tell_all(&client);
    client.connect_with(HOST, broker.port(), with_aliases()).expect("accepted");
    client.loop_start().expect("a loop");
    let expected = [
        Told::PreConnect,
        Told::connected(),
        aliased("serre/1", "a", 0, 3),
        aliased("serre/1", "b", 1, 3),
        aliased("serre/2", "c", 0, 5),
        aliased("serre/1", "d", 2, 3),
        aliased("serre/3", "e", 0, 3),
        aliased("serre/3", "f", 0, 3),
        aliased("serre/2", "g", 0, 5),
        Told::message("plain", "h", 0),
    ];
    assert_eq!(told.take(10, "all messages"), expected);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn an_alias_that_was_never_set_or_is_too_high_ends_the_connection() {
    let wrong = |topic: &'static str, alias| {
        script(move |peer: &mut Peer| {
            peer.accept();
            send_aliased(peer, topic, alias, "x", 0, 0);
            let end = peer.expect_disconnect();
            assert!(end.code >= 128, "{}", end.code);
            peer.expect_eof();
        })
    };
    let broker = ScriptedBroker::sequence(vec![
        // Set on the connection before it counts no more.
        script(|peer| {
            peer.accept();
            send_aliased(peer, "t", 2, "good", 0, 0);
            peer.close();
        }),
        wrong("", 2),
        wrong("t", 6),
        wrong("t", 0),
        script(|peer| {
            peer.accept();
            send_aliased(peer, "t", 5, "good", 0, 0);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick_v5();
    let told = tell_all(&client);
    client.connect_with(HOST, broker.port(), with_aliases()).expect("accepted");
    client.loop_start().expect("a loop");
    let (mut losses, mut messages) = (Vec::new(), 0);
    while messages < 2 {
        match told.next("the message of the last connection") {
            Told::Disconnect { code, .. } => losses.push(code),
            Told::Message { payload, .. } => {
                assert_eq!(payload, b"good");
                messages += 1;
            }
            _ => {}
        }
    }
    assert_eq!(losses.len(), 4, "{losses:?}");
    assert!(losses.iter().all(|code| *code >= 128), "{losses:?}");
    client.disconnect().expect("connected");
    broker.finish();
}

/// Takes `count` messages as a broker does that knows aliases up to `maximum`; the topics they are for.
fn resolve(peer: &mut Peer, maximum: u16, count: usize) -> Vec<String> {
    let mut known: HashMap<Vec<u8>, String> = HashMap::new();
    let mut topics = Vec::new();
    while topics.len() < count {
        let message = match peer.read_packet() {
            Packet::Publish(message) => message,
            other => panic!("not a message: {other:?}"),
        };
        let alias = property::split(&message.properties).into_iter().find(|property| property[0] == 0x23);
        if let Some(alias) = &alias {
            let number = u16::from_be_bytes([alias[1], alias[2]]);
            assert!((1..=maximum).contains(&number), "alias {number}, of {maximum}");
        }
        let topic = match (message.topic.as_str(), alias) {
            ("", alias) => known.get(&alias.expect("a topic or an alias")).expect("an alias that was set").clone(),
            (topic, alias) => {
                alias.map(|alias| known.insert(alias, topic.to_owned()));
                topic.to_owned()
            }
        };
        topics.push(topic);
        if message.qos == 1 {
            peer.puback(message.id);
        }
    }
    topics
}

fn with_alias(alias: u16, qos: u8) -> pmc::PublishOptions {
    pmc::PublishOptions::new().qos(qos).properties(pmc::Properties::new().with_topic_alias(alias))
}

#[test]
fn our_aliases_reach_the_topic_they_stand_for() {
    let expected = ["serre/1", "serre/1", "serre/2", "serre/1", "serre/3", "serre/3"];
    let broker = ScriptedBroker::sequence(vec![
        script(move |peer| {
            peer.expect_connect();
            peer.connack_v5(0, false, &property::two_bytes(0x22, 4));
            assert_eq!(resolve(peer, 4, 6), expected);
            peer.close();
        }),
        script(|peer| {
            // What was published by its alias goes out where no alias is known yet, and where there is none.
            peer.expect_connect();
            peer.connack_v5(0, false, &property::two_bytes(0x22, 4));
            assert_eq!(resolve(peer, 4, 1), ["serre/3"]);
            peer.close();
        }),
        script(|peer| {
            peer.accept();
            assert_eq!(resolve(peer, 0, 2), ["serre/3", "serre/3"]);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick_v5();
    let (tell, queued) = Probe::pair();
    let mut losses = 0;
    client.on_disconnect(move |client, _, _, code, _| {
        if code != 0 {
            losses += 1;
            for _ in 0..losses {
                let _ = tell.send(client.publish("", "offline", with_alias(2, 1)));
            }
        }
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    for (topic, alias, qos) in
        [("serre/1", 2, 1), ("", 2, 0), ("serre/2", 4, 1), ("", 2, 1), ("serre/3", 2, 0), ("", 2, 1)]
    {
        client.publish(topic, "x", with_alias(alias, qos)).expect("connected");
    }
    for _ in 0..3 {
        let info = queued.next("a message by its alias, offline").expect("the alias was set before");
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("all is confirmed");
    broker.finish();
}

#[test]
fn an_alias_that_stands_for_nothing_or_is_too_high_is_refused() {
    let (tell, seen) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.expect_connect();
        peer.connack_v5(0, false, &property::two_bytes(0x22, 4));
        let _ = tell.send(peer.read_to_eof());
    });
    let client = quick_v5();
    client.connect(HOST, broker.port()).expect("accepted");
    client.publish("", "x", with_alias(3, 1)).expect_err("never set");
    client.publish("", "x", 1).expect_err("neither topic nor alias");
    let error = client.publish("t", "x", with_alias(5, 1)).expect_err("above the broker's maximum");
    assert!(error.to_string().contains('4') && error.to_string().contains("alias"), "{error}");
    // What was refused has set nothing.
    client.publish("", "x", with_alias(5, 1)).expect_err("never set");
    client.disconnect().expect("connected");
    let packets = seen.next("the packets");
    assert!(matches!(packets[..], [Packet::Disconnect(_)]), "{packets:?}");
    broker.finish();
}

#[test]
fn an_authentication_method_is_refused() {
    let client = quick_v5();
    let told = tell_all(&client);
    let properties = pmc::Properties::new().with_authentication_method("SCRAM-SHA-1");
    let options = || pmc::ConnectOptions::new().properties(properties.clone());
    for error in [
        client.connect_with(HOST, 1, options()).expect_err("no AUTH exchange"),
        client.connect_async_with(HOST, 1, options()).expect_err("no AUTH exchange"),
    ] {
        assert!(matches!(error, pmc::Error::InvalidProperty { property: "authentication_method", .. }), "{error:?}");
    }
    assert_eq!(client.host(), "", "a refused connect is not remembered");
    told.is_drained("nothing was tried");
}
