//! The one-shot helpers: on the wire as paho-python's, and what becomes of their errors.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

use rappel as pmc;
use rappel::{Error, OneShotOptions, PublishOptions, SubscribeOptions, publish, subscribe};

use crate::python_tables::table;
use crate::support::client::{HOST, plain, quick};
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::scripted::ScriptedBroker;
use crate::support::wait::{DEADLINE, Probe, returns};

#[test]
fn every_packet_is_pythons() {
    for line in table("one_shot") {
        let [call, expected] = &line[..] else { panic!("{line:?}") };
        let listener = TcpListener::bind((HOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let broker = thread::spawn(move || serve(&listener));
        let name = call.clone();
        returns(call, move || run(&name, options().hostname(HOST).port(port)));
        assert_eq!(broker.join().expect("the broker"), *expected, "{call}");
    }
}

/// On the engine that is tested.
fn options() -> OneShotOptions {
    OneShotOptions::new().engine(plain().engine())
}

/// The same calls as in `tests/python_tables.py`.
fn run(call: &str, to: OneShotOptions) {
    let v5 = |to: OneShotOptions| to.protocol(pmc::Protocol::V5);
    let retained = PublishOptions::new().qos(1).retain(true);
    match call {
        "publish.single qos 0" => publish::single("t/1", "é", 0, to),
        "publish.single qos 1 retained" => publish::single("t/1", 21.5, retained, to),
        "publish.multiple" => {
            let payload = |bytes: &[u8]| bytes.to_vec();
            let (first, second) = (("t/1", payload(b"a"), 0, false), ("t/2", payload(b"\xff"), 1, false));
            publish::multiple([first, second, ("t/3", payload(b""), 2, true)], to)
        }
        "publish.single with everything" => {
            let to = to.client_id("one").keepalive(20).will("w", "gone", retained).auth("info", "Password1234");
            publish::single("t", "x", 0, to)
        }
        "publish.single without a password" => publish::single("t", "x", 0, to.auth("info", None)),
        "publish.single over MQTT 5" => publish::single("t", "x", 1, v5(to)),
        "subscribe.simple" => simple("t/#", 1, true, to),
        "subscribe.simple of two topics" => {
            let messages = subscribe::simple_many(["t/#", "u"], 0, 2, to).expect("two messages");
            let payloads: Vec<_> = messages.iter().map(|message| message.payload_str()).collect();
            assert_eq!(payloads, ["kept", "new"]);
            Ok(())
        }
        "subscribe.simple without retained" => simple("t/#", 0, false, to),
        "subscribe.simple of a kept session" => simple("t/#", 2, true, to.client_id("kept").clean_session(false)),
        "subscribe.simple over MQTT 5" => simple("t/#", 1, true, v5(to)),
        _ => panic!("{call} is in the table and not here"),
    }
    .unwrap_or_else(|error| panic!("{call}: {error}"));
}

fn simple(topic: &str, qos: i32, retained: bool, to: OneShotOptions) -> pmc::Result<()> {
    let message = subscribe::simple(topic, qos, to.retained(retained))?;
    assert_eq!((message.topic.as_str(), message.retain), ("t/1", retained));
    assert_eq!(message.payload_str(), if retained { "kept" } else { "new" });
    Ok(())
}

/// A broker for one client, as in `tests/python_tables.py`; gives the packets it has heard, in hexadecimal.
fn serve(listener: &TcpListener) -> String {
    let (mut peer, _) = listener.accept().expect("a client");
    peer.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let (mut heard, mut v5) = (Vec::new(), false);
    loop {
        let packet = packet(&mut peer);
        heard.push(packet.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let none: &[u8] = if v5 { &[0] } else { &[] };
        let answer: Vec<u8> = match packet[0] >> 4 {
            1 => {
                v5 = packet[8] == 5;
                if v5 { b"\x20\x03\x00\x00\x00".to_vec() } else { b"\x20\x02\x00\x00".to_vec() }
            }
            3 if packet[0] & 6 != 0 => {
                let id = 4 + usize::from(packet[3]);
                let first = if packet[0] & 6 == 2 { 0x40 } else { 0x50 };
                [&[first, 2], &packet[id..id + 2]].concat()
            }
            6 => [b"\x70\x02", &packet[2..4]].concat(),
            8 => {
                let suback = sized(0x90, &[&packet[2..4], none, b"\x00"]);
                let message = |first, payload: &[u8]| sized(first, &[b"\x00\x03t/1", none, payload]);
                [suback, message(0x31, b"kept"), message(0x30, b"new")].concat()
            }
            14 => return heard.join(" "),
            _ => Vec::new(),
        };
        peer.write_all(&answer).expect("the client listens");
    }
}

/// A whole packet; those of the one-shot helpers are short.
fn packet(peer: &mut TcpStream) -> Vec<u8> {
    let mut packet = vec![0; 2];
    peer.read_exact(&mut packet).expect("a packet");
    let mut body = vec![0; usize::from(packet[1])];
    peer.read_exact(&mut body).expect("the rest of it");
    [packet, body].concat()
}

fn sized(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[first, body.len() as u8], &body[..]].concat()
}

#[test]
fn errors_come_back() {
    let to = || options().hostname(HOST).port(free_port());
    assert!(matches!(publish::single("t", "", 0, to()), Err(Error::Unreachable { .. })));
    assert!(matches!(subscribe::simple("t", 0, to()), Err(Error::Unreachable { .. })));
    let none: [(&str, &str); 0] = [];
    assert!(matches!(publish::multiple(none, to()), Err(Error::InvalidOption { option: "messages", .. })));
    assert!(matches!(subscribe::simple_many("t", 0, 0, to()), Err(Error::InvalidOption { option: "msg_count", .. })));
    assert!(matches!(publish::single("t", "", 0, to().keepalive(-1)), Err(Error::InvalidKeepalive { .. })));
    assert!(matches!(subscribe::simple("t", 0, to().clean_session(false)), Err(Error::ClientIdRequired)));

    let broker = Mosquitto::builder().anonymous(false).user("info", "Password1234").start();
    let to = || options().hostname(broker.host()).port(broker.port());
    let refused = publish::single("t", "", 0, to().auth("info", "wrong")).expect_err("the wrong password");
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    let to = || to().auth("info", "Password1234");
    assert!(matches!(publish::single("a/#", "", 0, to()), Err(Error::WildcardInTopic { .. })));
    assert!(matches!(publish::single("t", "", 3, to()), Err(Error::InvalidQos { qos: 3 })));
    for filters in [vec!["a/#/b"], vec!["good", "a/#/b"]] {
        let error = returns("a bad filter", {
            let to = to();
            move || subscribe::simple(filters, 0, to).expect_err("a bad filter")
        });
        assert!(matches!(error, Error::InvalidFilter { .. }), "{error}");
    }
    let no_filter = subscribe::simple(Vec::<String>::new(), 0, to());
    assert!(matches!(no_filter, Err(Error::NoFilter)));
    let debug = format!("{:?}", to());
    assert!(debug.contains("info") && !debug.contains("Password1234"), "{debug}");
}

#[test]
fn a_subscription_that_is_refused_ends_it() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let subscribe = peer.expect_subscribe();
        peer.suback(subscribe.id, &[0x80]);
        peer.expect_disconnect();
    });
    let to = options().hostname(HOST).port(broker.port());
    let error = returns("simple", move || subscribe::simple("secret/#", 0, to).expect_err("refused"));
    let Error::SubscriptionRefused { filter, code } = &error else { panic!("{error}") };
    assert!(filter == "secret/#" && *code == 128, "{error}");
    broker.finish();
}

#[test]
fn a_callback_runs_until_it_disconnects() {
    let broker = Mosquitto::start();
    let to = options().hostname(broker.host()).port(broker.port()).userdata(Mutex::new(Vec::new()));
    let (tell, heard) = Probe::pair();
    let count = move |client: &pmc::Client<Mutex<Vec<_>>>, seen: &Mutex<Vec<_>>, msg: &pmc::Message| {
        let mut seen = seen.lock().expect("no panic");
        seen.push(msg.payload_str().into_owned());
        let _ = tell.send(seen.len());
        if seen.len() == 3 {
            client.disconnect()?;
        }
        Ok(())
    };
    let listening = thread::spawn(move || subscribe::callback(count, ["a/+", "b"], SubscribeOptions::new().qos(1), to));
    // Retained, so that the subscriber may come later.
    let publisher = quick();
    publisher.connect(broker.host(), broker.port()).expect("accepted");
    for topic in ["a/1", "b", "a/2"] {
        let options = PublishOptions::new().qos(1).retain(true);
        publisher.publish(topic, "x", options).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    }
    assert_eq!(heard.take(3, "the messages"), [1, 2, 3]);
    returns("the loop", move || listening.join().expect("no panic")).expect("an orderly end");
    publisher.disconnect().expect("connected");
}
