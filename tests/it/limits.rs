//! What a broker of MQTT 5 says in CONNACK that it will not take: refused where it is known, given up where it was queued
//! before, and nothing behind it waits.

use rappel as pmc;

use crate::support::client::{HOST, builder_v5, quick, quick_v5};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Peer, ScriptedBroker, property, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe};

/// Accepts with `limits`, then takes every message until the client disconnects.
fn take_all(peer: &mut Peer, limits: &[u8]) -> Vec<String> {
    peer.expect_connect();
    peer.connack_v5(0, false, limits);
    let mut topics = Vec::new();
    loop {
        match peer.read_packet() {
            Packet::Publish(message) => {
                match message.qos {
                    0 => {}
                    1 => peer.puback(message.id),
                    _ => peer.pubrec(message.id),
                }
                topics.push(message.topic);
            }
            Packet::PubRel(ack) => peer.pubcomp(ack.id),
            Packet::Disconnect(_) => return topics,
            other => panic!("not a message: {other:?}"),
        }
    }
}

/// A broker of one connection with `limits`; the topics it took.
fn broker(limits: &[Vec<u8>]) -> (ScriptedBroker, Probe<Vec<String>>) {
    let (tell, taken) = Probe::pair();
    let limits = limits.concat();
    let broker = ScriptedBroker::run(move |peer| {
        let _ = tell.send(take_all(peer, &limits));
    });
    (broker, taken)
}

/// A limit, and a message beyond it.
struct Case {
    limit: Vec<u8>,
    payload: Vec<u8>,
    options: pmc::PublishOptions,
    /// What `on_publish` is told.
    code: u8,
    /// What the error must name.
    part: &'static str,
}

fn cases() -> [Case; 4] {
    let options = pmc::PublishOptions::new;
    let case = |limit, size, options, code, part| Case { limit, payload: vec![0; size], options, code, part };
    [
        case(property::four_bytes(0x27, 60), 100, options().qos(1), 149, "60"),
        case(property::byte(0x24, 1), 10, options().qos(2), 155, "QoS"),
        case(property::byte(0x24, 0), 10, options().qos(1), 155, "QoS"),
        case(property::byte(0x25, 0), 10, options().qos(1).retain(true), 154, "retain"),
    ]
}

#[test]
fn what_is_known_to_be_too_much_is_refused() {
    for Case { limit, payload, options, part, .. } in cases() {
        let (broker, taken) = broker(&[limit]);
        let client = quick_v5();
        client.connect(HOST, broker.port()).expect("accepted");
        let error = client.publish("beyond", &payload[..], options).expect_err("beyond the limit");
        assert!(error.to_string().contains(part), "{part:?} is missing in {error}");
        client.publish("within", "x", 0).expect("within the limit").wait_for_publish(DEADLINE).expect("written");
        client.disconnect().expect("all is confirmed");
        assert_eq!(taken.next("what was taken"), ["within"]);
        broker.finish();
    }
}

#[test]
fn what_was_queued_before_fails_alone() {
    for Case { limit, payload, options, code, .. } in cases() {
        let (broker, taken) = broker(&[limit]);
        let client = quick_v5();
        let told = tell_all(&client);
        // QoS 0 is not queued offline; of QoS 1, nothing may be behind Maximum QoS 0. So the others come later.
        let beyond = client.publish("beyond", &payload[..], options).expect("queued");
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        let behind = client.publish("behind", "x", 0).expect("connected");
        behind.wait_for_publish(DEADLINE).expect("nothing waits for what failed");
        let error = beyond.wait_for_publish(DEADLINE).expect_err("beyond the limit");
        assert!(!matches!(error, pmc::Error::Timeout { .. }), "{error:?}");
        client.disconnect().expect("all is settled");
        assert_eq!(taken.next("what was taken"), ["behind"]);
        let published: Vec<_> = told.rest().into_iter().filter(|event| matches!(event, Told::Publish { .. })).collect();
        let expected = [(beyond.mid(), code), (behind.mid(), 0)].map(|(mid, code)| Told::Publish { mid, code });
        assert_eq!(published, expected);
        broker.finish();
    }
}

#[test]
fn what_was_queued_behind_it_goes_on() {
    let (broker, taken) = broker(&[property::four_bytes(0x27, 60), property::byte(0x25, 0)]);
    let client = quick_v5();
    let queue =
        [("one", 10, false), ("large", 100, false), ("two", 10, false), ("kept", 10, true), ("three", 10, false)];
    let infos: Vec<_> = (1..=2)
        .flat_map(|qos| {
            queue.map(|(topic, size, retain)| (topic, size, pmc::PublishOptions::new().qos(qos).retain(retain)))
        })
        .map(|(topic, size, options)| (topic, client.publish(topic, vec![0; size], options).expect("queued")))
        .collect();
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    for (topic, info) in infos {
        let outcome = info.wait_for_publish(DEADLINE);
        assert_eq!(outcome.is_ok(), !matches!(topic, "large" | "kept"), "{topic}: {outcome:?}");
    }
    client.disconnect().expect("all is settled");
    assert_eq!(taken.next("what was taken"), ["one", "two", "three", "one", "two", "three"]);
    broker.finish();
}

#[test]
fn the_largest_packet_is_taken_and_one_byte_more_is_not() {
    // PUBLISH of QoS 1: two bytes of header, the topic with its length, the packet id, no properties, the payload.
    let largest = 60 - (2 + 3 + 2 + 1);
    let (broker, taken) = broker(&[property::four_bytes(0x27, 60)]);
    let client = quick_v5();
    let queued = client.publish("q", vec![0; largest], 1).expect("queued");
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    queued.wait_for_publish(DEADLINE).expect("just small enough");
    client.publish("t", vec![0; largest + 1], 1).expect_err("one byte too many");
    let fits = client.publish("t", vec![0; largest], 1).expect("just small enough");
    fits.wait_for_publish(DEADLINE).expect("confirmed");
    // No packet id at QoS 0.
    client.publish("t", vec![0; largest + 2], 0).expect("just small enough");
    client.publish("t", vec![0; largest + 3], 0).expect_err("one byte too many");
    // DISCONNECT: two bytes of header, the reason code, the properties' length, the id of one, its length and its text.
    let reason = |length| pmc::Properties::new().with_reason_string("w".repeat(length));
    let because = |length| pmc::DisconnectOptions::new().properties(reason(length));
    let error = client.disconnect_with(because(60 - 7 + 1)).expect_err("one byte too many");
    assert!(matches!(error, pmc::Error::PacketTooLarge { limit: 60 }), "{error:?}");
    assert!(client.is_connected(), "what is refused changes nothing");
    client.disconnect_with(because(60 - 7)).expect("just small enough");
    assert_eq!(taken.next("what was taken"), ["q", "t", "t"]);
    broker.finish();
}

#[test]
fn limits_are_those_of_the_connection_that_stands() {
    let (tell, taken) = Probe::pair();
    let tell_second = tell.clone();
    let broker = ScriptedBroker::sequence(vec![
        script(move |peer| drop(tell.send(take_all(peer, &property::four_bytes(0x27, 60))))),
        script(move |peer| drop(tell_second.send(take_all(peer, &[])))),
    ]);
    let client = quick_v5();
    client.connect(HOST, broker.port()).expect("accepted");
    client.publish("large", vec![0; 100], 1).expect_err("beyond the limit");
    client.disconnect().expect("connected");
    assert!(taken.next("the first connection").is_empty());
    client.connect(HOST, broker.port()).expect("accepted");
    client.publish("large", vec![0; 100], 1).expect("no limit here");
    client.disconnect().expect("all is confirmed");
    assert_eq!(taken.next("the second connection"), ["large"]);
    broker.finish();
}

#[test]
fn subscriptions_beyond_the_broker_are_refused() {
    let limits =
        [property::byte(0x28, 0), property::byte(0x29, 0), property::byte(0x2a, 0), property::four_bytes(0x27, 60)];
    let (broker, taken) = broker(&limits);
    let client = quick_v5();
    client.connect(HOST, broker.port()).expect("accepted");
    for (filter, part) in [("a/#", "wildcard"), ("+/b", "wildcard"), ("$share/g/t", "shared")] {
        let error = client.subscribe(filter, 1).expect_err("not available");
        assert!(error.to_string().contains(part), "{part:?} is missing in {error}");
    }
    client.subscribe_many([("plain", 1), ("a/#", 1)]).expect_err("one of them is not available");
    let numbered = pmc::SubscribeOptions::new().properties(pmc::Properties::new().with_subscription_identifier(4));
    client.subscribe("plain", numbered).expect_err("no identifiers");
    let long = "long/".repeat(20);
    client.subscribe(long.as_str(), 1).expect_err("too large a packet");
    client.unsubscribe(long.as_str()).expect_err("too large a packet");
    client.publish("t", "", 0).expect("connected");
    client.disconnect().expect("connected");
    // Nothing of it was sent.
    assert_eq!(taken.next("what was taken"), ["t"]);
    broker.finish();
}

#[test]
fn a_real_brokers_limits_cost_no_connection() {
    let config = "max_packet_size 200\nretain_available false\nmax_qos 1";
    let broker = Mosquitto::builder().extra_config(config).start();
    let subscriber = quick();
    let (tell, heard) = Probe::pair();
    subscriber.on_message(move |_, _, message| {
        let _ = tell.send(message.topic.clone());
    });
    let (ready, subscribed) = Probe::pair();
    subscriber.on_subscribe(move |_, _, _, _, _| {
        let _ = ready.send(());
    });
    subscriber.connect(HOST, broker.port()).expect("a broker");
    subscriber.subscribe("#", 1).expect("connected");
    subscriber.loop_start().expect("a loop");
    subscribed.next("SUBACK");

    let client = quick_v5();
    let told = tell_all(&client);
    let options = pmc::PublishOptions::new;
    let beyond = [
        client.publish("large", vec![0; 300], 1).expect("queued"),
        client.publish("kept", "x", options().qos(1).retain(true)).expect("queued"),
        client.publish("twice", "x", 2).expect("queued"),
    ];
    let behind = client.publish("behind", "x", 1).expect("queued");
    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    behind.wait_for_publish(DEADLINE).expect("confirmed");
    assert_eq!(heard.next("what the broker takes"), "behind");
    for info in &beyond {
        info.wait_for_publish(DEADLINE).expect_err("beyond the limits");
    }
    client.publish("large", vec![0; 300], 0).expect_err("beyond the limits");
    client.publish("kept", "x", options().retain(true)).expect_err("beyond the limits");
    client.publish("twice", "x", 2).expect_err("beyond the limits");
    client.disconnect().expect("all is settled");
    let told = told.rest();
    let connections = told.iter().filter(|event| matches!(event, Told::Connect { .. })).count();
    assert_eq!(connections, 1, "{told:?}");
    for (info, code) in beyond.iter().zip([149, 154, 155]) {
        assert!(told.contains(&Told::Publish { mid: info.mid(), code }), "{code} for {info:?} is missing in {told:?}");
    }
}

#[cfg(feature = "persistence")]
#[test]
fn what_was_kept_on_disk_and_is_too_much_is_forgotten() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = || builder_v5().client_id("kept").persistence(dir.path()).build().expect("a sound store");
    let offline = open();
    offline.publish("large", vec![0; 100], 1).expect("queued");
    offline.publish("small", "x", 1).expect("queued");
    drop(offline);

    let (broker, taken) = broker(&[property::four_bytes(0x27, 60)]);
    let client = open();
    assert_eq!(client.unconfirmed_messages(), 2);
    let (tell, published) = Probe::pair();
    client.on_publish(move |_, _, _, code, _| {
        let _ = tell.send(code.value());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    assert_eq!(published.take(2, "both of them"), [149, 0]);
    client.disconnect().expect("all is settled");
    assert_eq!(taken.next("what was taken"), ["small"]);
    broker.finish();
    drop(client);
    assert_eq!(open().unconfirmed_messages(), 0);
}
