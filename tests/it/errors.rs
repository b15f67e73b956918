//! What gets a clear error, sends nothing and changes nothing.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, builder, builder_v5, plain};
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::scripted::ScriptedBroker;
use crate::support::scripted::packet::Packet;
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe};

/// Asserts that a call failed with the variant, and that the message holds every one of the texts.
macro_rules! fails {
    ($call:expr, $variant:pat, $($part:expr),* $(,)?) => {{
        let error = $call.expect_err(stringify!($call));
        assert!(matches!(error, $variant), "{} gave {error:?}", stringify!($call));
        let text = error.to_string();
        $(assert!(text.contains($part), "{:?} is missing in {text:?}", $part);)*
    }};
}

/// Runs `act` on a connected client. Nothing may reach the broker, no callback may run, and the message ids are
/// counted as if nothing had happened.
fn sends_nothing(act: impl FnOnce(&pmc::Client)) {
    let (tell, heard) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let _ = tell.send(peer.read_to_eof());
    });
    let client = plain();
    client.connect(HOST, broker.port()).expect("accepted");
    let told = tell_all(&client);
    act(&client);
    let mid = client.publish("marker", "", 0).expect("published").mid();
    assert_eq!(mid, 1, "a failed call used up a message id");
    client.disconnect().expect("confirmed");
    let packets = heard.next("the packets");
    assert!(
        matches!(&packets[..], [Packet::Publish(marker), Packet::Disconnect(_)] if marker.topic == "marker"),
        "only the marker was due: {packets:?}"
    );
    let told = told.rest();
    assert_eq!(told, [Told::connected(), Told::Publish { mid: 1, code: 0 }, Told::disconnected(0)]);
    broker.finish();
}

#[test]
fn a_bad_topic() {
    sends_nothing(|client| {
        fails!(client.publish("", "x", 0), Error::EmptyTopic, "empty", "house/temperature");
        for topic in ["a/+", "#", "a/#", "a+b"] {
            fails!(client.publish(topic, "x", 1), Error::WildcardInTopic { .. }, topic, "subscribe");
        }
        fails!(client.publish("a\0b", "x", 2), Error::NulInText { what: "topic", .. }, "topic", "NUL");
        fails!(client.publish("t".repeat(65_536), "x", 0), Error::TextTooLong { .. }, "topic", "65536", "65535");
    });
}

#[test]
fn a_bad_qos_or_payload() {
    sends_nothing(|client| {
        for qos in [3, -1, 255] {
            fails!(client.publish("t", "x", qos), Error::InvalidQos { .. }, "0, 1 or 2", &qos.to_string());
            fails!(client.subscribe("t", qos), Error::InvalidQos { .. }, "0, 1 or 2", &qos.to_string());
        }
        let large = vec![0_u8; 268_435_456];
        fails!(client.publish("t", large, 0), Error::PayloadTooLarge { .. }, "268435456", "split");
        // With the topic and the packet identifier it is too large by a byte.
        let large = vec![0_u8; 268_435_455 - 4];
        fails!(client.publish("t", large, 1), Error::PayloadTooLarge { .. }, "268435451", "268435450");
    });
}

#[test]
fn a_bad_filter() {
    sends_nothing(|client| {
        for filter in ["", "a/#/b", "a+b", "a#", "+a", "$share/g", "$share//t"] {
            fails!(client.subscribe(filter, 0), Error::InvalidFilter { .. }, filter, "not valid");
            fails!(client.unsubscribe(filter), Error::InvalidFilter { .. }, filter, "not valid");
            fails!(client.message_callback_add(filter, |_, _, _| {}), Error::InvalidFilter { .. }, filter);
        }
        fails!(client.subscribe("a\0b", 0), Error::NulInText { .. }, "topic filter", "NUL");
        fails!(client.subscribe("t".repeat(65_536), 0), Error::TextTooLong { .. }, "topic filter", "65536");
        let none: [(&str, i32); 0] = [];
        fails!(client.subscribe_many(none), Error::NoFilter, "at least one");
        fails!(client.unsubscribe_many(Vec::<String>::new()), Error::NoFilter, "at least one");
        // One bad filter among good ones: none is sent.
        fails!(client.subscribe_many([("good", 0), ("a/#/b", 0)]), Error::InvalidFilter { .. }, "a/#/b");
        fails!(client.unsubscribe_many(["good", "a/#/b"]), Error::InvalidFilter { .. }, "a/#/b");
    });
}

#[test]
fn what_only_mqtt_5_has() {
    sends_nothing(|client| {
        let properties = pmc::Properties::new().with_user_property("a", "b");
        let publish = pmc::PublishOptions::new().properties(properties.clone());
        fails!(client.publish("t", "x", publish), Error::PropertiesNeedV5, "Protocol::V5");
        let local = pmc::SubscribeOptions::new().no_local(true);
        fails!(client.subscribe("t", local), Error::PropertiesNeedV5, "Protocol::V5");
        fails!(client.unsubscribe_with(["t"], properties.clone()), Error::PropertiesNeedV5, "Protocol::V5");
        let disconnect = pmc::DisconnectOptions::new().properties(properties.clone());
        fails!(client.disconnect_with(disconnect), Error::PropertiesNeedV5, "Protocol::V5");
        let connect = pmc::ConnectOptions::new().properties(properties.clone());
        fails!(client.connect_with(HOST, 1, connect), Error::PropertiesNeedV5, "Protocol::V5");
        assert!(client.is_connected());
    });
}

#[test]
fn a_property_where_it_does_not_belong() {
    let client = builder_v5();
    let client = client.build().expect("a client");
    let wrong = pmc::Properties::new().with_server_keep_alive(3);
    let publish = pmc::PublishOptions::new().properties(wrong.clone());
    fails!(client.publish("t", "x", publish), Error::InvalidProperty { .. }, "server_keep_alive");
    let connect = pmc::ConnectOptions::new().properties(wrong);
    fails!(client.connect_with(HOST, 1, connect), Error::InvalidProperty { .. }, "server_keep_alive");
    assert_eq!(client.host(), "", "a refused connect is not remembered");
}

#[test]
fn properties_count_for_the_size_of_a_packet() {
    let client = builder_v5();
    let client = client.build().expect("a client");
    let properties = pmc::Properties::new().with_user_property("name", "value");
    // It would fit without the property.
    let payload = vec![0_u8; 268_435_455 - 5 - 4];
    let options = pmc::PublishOptions::new().qos(1).properties(properties);
    fails!(client.publish("t", payload, options), Error::PayloadTooLarge { .. }, "split");
}

#[test]
fn a_full_queue() {
    let (go, wait) = channel();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let (first, second) = (peer.expect_publish(), peer.expect_publish());
        assert_eq!(peer.expect_publish().topic, "free");
        let _ = wait.recv();
        peer.puback(first.id);
        peer.puback(second.id);
        let fourth = peer.expect_publish();
        peer.puback(fourth.id);
        assert_eq!([first.topic, second.topic, fourth.topic], ["first", "second", "fourth"]);
        peer.expect_disconnect();
    });
    let client = plain();
    client.max_queued_messages_set(2);
    client.connect(HOST, broker.port()).expect("accepted");
    client.publish("first", "", 1).expect("room");
    let second = client.publish("second", "", 1).expect("room");
    fails!(client.publish("third", "", 1), Error::QueueFull { limit: 2 }, "2 messages", "max_queued_messages_set");
    fails!(client.publish("third", "", 2), Error::QueueFull { limit: 2 }, "2 messages");
    assert_eq!(client.publish("free", "", 0).expect("QoS 0 does not count").mid(), second.mid() + 1);
    go.send(()).expect("the script waits");
    second.wait_for_publish(DEADLINE).expect("confirmed");
    client.publish("fourth", "", 1).expect("room again");
    client.disconnect().expect("all confirmed");
    broker.finish();
}

#[test]
fn without_a_connection() {
    let client = plain();
    let told = tell_all(&client);
    for _ in 0..2 {
        fails!(client.publish("t", "x", 0), Error::NotConnected { .. }, "QoS 0", "connect", "QoS 1 or 2 is queued");
        fails!(client.subscribe("t", 0), Error::NotConnected { what: "subscribe" }, "subscribe", "connect");
        fails!(client.unsubscribe("t"), Error::NotConnected { what: "unsubscribe" }, "unsubscribe", "connect");
        fails!(client.disconnect(), Error::NotConnected { what: "disconnect" }, "disconnect", "connect");
        fails!(client.loop_once(Duration::ZERO), Error::NotConnected { what: "loop_once" }, "loop_once");
    }
    fails!(client.reconnect(), Error::NoConnectionRequested, "connect or connect_async first");
    fails!(client.loop_forever(), Error::NoConnectionRequested, "connect or connect_async first");
    fails!(client.loop_stop(), Error::NoLoop, "loop_start");
    let queued = client.publish("t", "x", 1).expect("queued");
    assert_eq!(queued.rc(), pmc::ErrorCode::NoConn);
    fails!(queued.wait_for_publish(None), Error::NotConnected { .. }, "wait_for_publish", "connect");
    told.is_drained("without a connection");
}

#[test]
fn after_a_disconnect_as_before_a_connect() {
    let broker = Mosquitto::start();
    let client = plain();
    client.connect(broker.host(), broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    fails!(client.disconnect(), Error::NotConnected { .. }, "disconnect");
    fails!(client.publish("t", "x", 0), Error::NotConnected { .. }, "QoS 0");
    fails!(client.subscribe("t", 0), Error::NotConnected { .. }, "subscribe");
    assert!(!client.is_connected());
}

#[test]
fn a_bad_address() {
    let client = plain();
    client.keepalive_set(Duration::from_secs(7)).expect("valid");
    for host in ["", " ", "a b", "mqtt\n"] {
        fails!(client.connect(host, 1883), Error::InvalidHost { .. }, &format!("{host:?}"), "mqttbroker.lan");
        fails!(client.connect_async(host, 1883), Error::InvalidHost { .. }, "mqttbroker.lan");
    }
    fails!(client.connect("localhost", 0), Error::InvalidPort, "port 0", "1883");
    fails!(client.connect_async("localhost", 0), Error::InvalidPort, "port 0", "1883");
    let options = || pmc::ConnectOptions::new().keepalive(Duration::from_secs(65_536));
    fails!(client.connect_with("localhost", 1, options()), Error::InvalidKeepalive { .. }, "65536", "65535");
    fails!(client.connect_async_with("localhost", 1, options()), Error::InvalidKeepalive { .. }, "65536");
    assert_eq!((client.host(), client.port(), client.keepalive()), (String::new(), 0, Duration::from_secs(7)));
    fails!(client.loop_forever(), Error::NoConnectionRequested, "connect");
}

#[test]
fn bad_settings_change_nothing() {
    let client = plain();
    let (zero, second) = (Duration::ZERO, Duration::from_secs(1));
    fails!(client.reconnect_delay_set(zero, second), Error::InvalidOption { .. }, "reconnect_delay");
    fails!(client.reconnect_delay_set(2 * second, second), Error::InvalidOption { .. }, "2s", "1s");
    fails!(client.connect_timeout_set(zero), Error::InvalidOption { .. }, "connect_timeout");
    fails!(client.keepalive_set(65_536 * second), Error::InvalidKeepalive { .. }, "65535");
    client.will_set("good", "will", 0).expect("valid");
    fails!(client.will_set("", "x", 0), Error::EmptyTopic, "empty");
    fails!(client.will_set("a/#", "x", 0), Error::WildcardInTopic { .. }, "a/#");
    fails!(client.will_set("t", "x", 3), Error::InvalidQos { .. }, "3");
    fails!(client.will_set("t", vec![0_u8; 65_536], 0), Error::PayloadTooLarge { .. }, "65536", "65535");
    assert_eq!(client.connect_timeout(), 5 * second);
    assert_eq!(client.keepalive(), 60 * second);
    assert_eq!(client.will_topic().as_deref(), Some("good"));
    assert_eq!(client.will_payload().as_deref(), Some(&b"will"[..]));
}

#[test]
fn a_kept_session_without_a_client_id() {
    let builder = builder();
    fails!(builder.clone().clean_session(false).build(), Error::ClientIdRequired, "client_id", "clean_session(false)");
    fails!(builder.clone().client_id("a\0").build(), Error::NulInText { what: "client id", .. }, "NUL");
    fails!(builder.clone().client_id("c".repeat(65_536)).build(), Error::TextTooLong { .. }, "client id");
    assert!(builder.clean_session(false).client_id("given").build().is_ok());
}

#[test]
fn credentials_that_mqtt_cannot_send() {
    let client = plain();
    client.username_pw_set("a\0b", "secret-of-the-test");
    fails!(client.connect("localhost", 1), Error::NulInText { what: "user name", .. }, "user name");
    client.username_pw_set("u".repeat(65_536), None);
    fails!(client.connect("localhost", 1), Error::TextTooLong { what: "user name", .. }, "user name", "65536");
    client.username_pw_set("user", vec![b'p'; 65_536]);
    let error = client.connect("localhost", 1).expect_err("too long");
    assert!(matches!(error, Error::TextTooLong { what: "password", .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("ppp"), "{error:?}");
}

#[test]
fn a_password_shows_nowhere() {
    let broker = Mosquitto::builder().anonymous(false).user("info", "Password1234").start();
    let client = plain();
    client.username_pw_set("info", "Wrong5678");
    let error = client.connect(broker.host(), broker.port()).expect_err("the wrong password");
    let texts = format!("{error} {error:?} {client:?} {:?}", client.clone());
    assert!(!texts.contains("Wrong5678"), "{texts}");
    assert!(texts.contains(&client.client_id()), "{texts}");
}

#[test]
fn nobody_there() {
    let client = plain();
    let told = tell_all(&client);
    let port = free_port();
    let text = port.to_string();
    fails!(
        client.connect(HOST, port),
        Error::Unreachable { .. },
        &format!("127.0.0.1:{text}"),
        "mosquitto",
        &format!("listener {text}")
    );
    fails!(client.connect("no-such-name.invalid", 1883), Error::NameNotFound { .. }, "no-such-name.invalid", "DNS");
    assert_eq!(told.rest(), [Told::PreConnect, Told::PreConnect]);
    assert!(!client.is_connected());
    fails!(client.publish("t", "x", 0), Error::NotConnected { .. }, "QoS 0");
    fails!(client.subscribe("t", 0), Error::NotConnected { .. }, "subscribe");
}

#[test]
fn not_a_broker() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x15\x03\x03\x00\x02\x02\x32", b"SSH-2.0-OpenSSH\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let other = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.read_exact(&mut [0; 4]).expect("a CONNECT");
            stream.write_all(answer).expect("an answer");
            let _ = stream.read_to_end(&mut Vec::new());
        });
        match answer[0] {
            0x15 => fails!(plain().connect(HOST, port), Error::NeedsTls { .. }, "TLS", "tls_set", "port"),
            _ => fails!(plain().connect(HOST, port), Error::Protocol { .. }, "MQTT", "port"),
        }
        other.join().expect("the other server");
    }
}

#[test]
fn a_second_loop() {
    let broker = Mosquitto::start();
    let client = plain();
    client.connect(broker.host(), broker.port()).expect("accepted");
    client.loop_start().expect("the first loop");
    for _ in 0..2 {
        fails!(client.loop_start(), Error::LoopRunning, "already running", "loop_stop");
        fails!(client.loop_forever(), Error::LoopRunning, "already running");
        fails!(client.loop_once(Duration::ZERO), Error::LoopRunning, "already running");
    }
    // The first one goes on.
    let (tell, heard) = Probe::pair();
    client.on_publish(move |_, _, mid, _, _| {
        let _ = tell.send(mid);
    });
    let mid = client.publish("t", "x", 1).expect("published").mid();
    assert_eq!(heard.next("on_publish"), mid);
    client.loop_stop().expect("a loop");
    fails!(client.loop_stop(), Error::NoLoop, "loop_start");
}

#[test]
fn a_loop_inside_a_callback() {
    let broker = Mosquitto::start();
    let client = plain();
    let (tell, heard) = Probe::pair();
    client.on_publish(move |client, _, _, _, _| {
        fails!(client.loop_start(), Error::InCallback { .. }, "loop_start", "callback");
        fails!(client.loop_forever(), Error::InCallback { .. }, "loop_forever", "callback");
        fails!(client.loop_once(Duration::ZERO), Error::InCallback { .. }, "loop_once", "callback");
        let _ = tell.send(());
    });
    let publish = || client.publish("t", "x", 1).expect("published");
    client.connect(broker.host(), broker.port()).expect("accepted");

    publish().wait_for_publish(DEADLINE).expect("confirmed");
    heard.next("the callback in wait_for_publish");

    client.loop_start().expect("no loop yet");
    publish();
    heard.next("the callback in loop_start");
    client.loop_stop().expect("a loop");

    publish();
    let forever = client.clone();
    let ended = thread::spawn(move || forever.loop_forever());
    heard.next("the callback in loop_forever");
    client.disconnect().expect("connected");
    ended.join().expect("no panic").expect("an orderly end");
}
