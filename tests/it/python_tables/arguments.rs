//! What comes of a call: the same error in the same case as in Python, or a difference that is stated.

use std::time::Duration;

use rappel as pmc;
use rappel::{Client, ErrorCode, Properties, PublishOptions, SubscribeOptions};

use super::table;

/// What is another answer than Python's: the call, ours, and why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (r#"c.publish("t", "x", 1, properties=publish_properties)"#, "ValueError", "Python drops them without a word"),
    (r#"c.unsubscribe([])"#, "ValueError", "MQTT wants one filter at least (3.10.3-2)"),
    (r##"c.unsubscribe("a/#/b")"##, "ValueError", "no subscription can have it"),
    (r#"c.message_callback_add("", f)"#, "ValueError", "no topic can match it"),
    (r##"c.message_callback_add("a/#/b", f)"##, "ValueError", "no topic can match it"),
    (r##"c.will_set("a/#", "x")"##, "ValueError", "a broker closes the connection on it"),
    (r#"c.reconnect_delay_set(0, 0)"#, "ValueError", "it would try without a pause"),
    (r#"c.reconnect_delay_set(2, 1)"#, "ValueError", "the smallest delay is above the largest"),
    (r#"c.ack(1, 1)"#, "ValueError", "Python does nothing without manual_ack"),
    (r#"c.ack(1, 2)"#, "ValueError", "Python does nothing without manual_ack"),
    (r#"Client(V2, manual_ack=True).ack(1, 1)"#, "ValueError", "Python looks for a connection, not for the message"),
    (r#"full(c).publish("t", "x", 1).wait_for_publish(0)"#, "MQTT_ERR_QUEUE_SIZE", "publish itself says so"),
    (r#"c.publish("t", "x", 0).wait_for_publish(0)"#, "MQTT_ERR_NO_CONN", "publish itself says so"),
    (
        r#"c.publish("t", "x", 1).wait_for_publish(0)"#,
        "MQTT_ERR_NO_CONN",
        "an error with a number instead of an exception",
    ),
    (r#"c.publish("t", "x", 1).is_published()"#, "ok", "it is false, and nothing to raise for"),
    (r#"v5.publish("", "x", 1)"#, "ValueError", "without a topic alias there is no topic"),
];

/// What the types do not let one write.
const NO_SUCH_CALL: &[&str] = &[r#"Client(V2, transport="pigeon")"#, r#"c.connect("localhost", -1)"#];

#[test]
fn wrong_arguments_fail_as_in_python() {
    for line in table("arguments") {
        let [call, in_python] = &line[..] else { panic!("{line:?}") };
        if NO_SUCH_CALL.contains(&call.as_str()) {
            continue;
        }
        let here = outcome(run(call));
        match DIFFERENT.iter().find(|(other, ..)| other == call) {
            None => assert_eq!(here, *in_python, "{call}"),
            Some((_, ours, why)) => {
                assert_eq!(here, *ours, "{call}: {why}");
                assert_ne!(here, *in_python, "{call} is no longer different");
            }
        }
    }
}

#[test]
fn what_is_different_is_in_the_table() {
    let calls: Vec<String> = table("arguments").into_iter().map(|line| line[0].clone()).collect();
    for call in DIFFERENT.iter().map(|(call, ..)| call).chain(NO_SUCH_CALL) {
        assert!(calls.iter().any(|it| it == call), "{call} is not in the table");
    }
}

/// How Python would have said it: a number where it returns one, an exception for all that is a mistake.
fn outcome(result: pmc::Result<ErrorCode>) -> &'static str {
    let code = match &result {
        Ok(code) => *code,
        Err(pmc::Error::LoopRunning | pmc::Error::NoLoop) => return "MQTT_ERR_INVAL",
        Err(pmc::Error::NoConnectionRequested) => return "ValueError",
        Err(error) => error.code(),
    };
    match code {
        ErrorCode::Success => "ok",
        ErrorCode::NoConn => "MQTT_ERR_NO_CONN",
        ErrorCode::QueueSize => "MQTT_ERR_QUEUE_SIZE",
        _ => "ValueError",
    }
}

fn v3() -> Client {
    Client::new(pmc::CallbackApiVersion::Version2)
}

fn v5() -> Client {
    let builder = Client::builder(pmc::CallbackApiVersion::Version2).protocol(pmc::Protocol::V5);
    builder.build().expect("a client")
}

/// A client whose queue holds one message and has it.
fn full() -> Client {
    let client = v3();
    client.max_queued_messages_set(1);
    client.publish("t", "x", 1).expect("room for one");
    client
}

fn properties() -> Properties {
    Properties::new().with_user_property("name", "value")
}

/// The same call in Rust, with the number that Python would give where it gives one.
fn run(call: &str) -> pmc::Result<ErrorCode> {
    connecting(call)
        .or_else(|| publishing(call))
        .or_else(|| subscribing(call))
        .or_else(|| setting(call))
        .unwrap_or_else(|| panic!("{call} is in the table and not here"))
}

type Outcome = Option<pmc::Result<ErrorCode>>;

fn done<T>(result: pmc::Result<T>) -> Outcome {
    Some(result.map(|_| ErrorCode::Success))
}

fn set(act: impl FnOnce()) -> Outcome {
    act();
    done(Ok(()))
}

fn connecting(call: &str) -> Outcome {
    let (c, v5) = (v3(), v5());
    let builder = || Client::builder(pmc::CallbackApiVersion::Version2);
    let options = pmc::ConnectOptions::new;
    match call {
        r#"Client(V2, clean_session=False)"# => done(builder().clean_session(false).build()),
        r#"Client(V2, client_id="a", clean_session=False)"# => {
            done(builder().client_id("a").clean_session(false).build())
        }
        r#"Client(V2, clean_session=True, protocol=MQTTv5)"# => {
            done(builder().clean_session(true).protocol(pmc::Protocol::V5).build())
        }
        r#"c.connect("", 1883)"# => done(c.connect("", 1883)),
        r#"c.connect("localhost", 0)"# => done(c.connect("localhost", 0)),
        r#"c.connect("localhost", 1, keepalive=-1)"# => done(c.connect_with("localhost", 1, options().keepalive(-1))),
        r#"c.connect("localhost", 1, clean_start=True)"# => {
            done(c.connect_with("localhost", 1, options().clean_start(true)))
        }
        r#"c.connect("localhost", 1, properties=connect_properties)"# => {
            done(c.connect_with("localhost", 1, options().properties(properties())))
        }
        r#"c.connect_async("localhost", 1)"# => done(c.connect_async("localhost", 1)),
        r#"c.connect_async("", 1)"# => done(c.connect_async("", 1)),
        r#"c.connect_async("localhost", 0)"# => done(c.connect_async("localhost", 0)),
        r#"c.connect_async("localhost", 1, keepalive=-1)"# => {
            done(c.connect_async_with("localhost", 1, options().keepalive(-1)))
        }
        r#"c.connect_async("localhost", 1, keepalive=0)"# => {
            done(c.connect_async_with("localhost", 1, options().keepalive(0)))
        }
        r#"c.connect_async("localhost", 1, keepalive=65535)"# => {
            done(c.connect_async_with("localhost", 1, options().keepalive(65_535)))
        }
        r#"v5.connect_async("localhost", 1, properties=connect_properties)"# => {
            done(v5.connect_async_with("localhost", 1, options().properties(properties())))
        }
        r#"c.reconnect()"# => done(c.reconnect()),
        r#"c.disconnect()"# => done(c.disconnect()),
        r#"c.is_connected()"# => done(Ok(c.is_connected())),
        r#"c.loop(0)"# => done(c.loop_once(0)),
        r#"c.loop(-1)"# => done(c.loop_once(-1)),
        r#"c.loop_stop()"# => done(c.loop_stop()),
        r#"twice(c.loop_start)"# => {
            c.loop_start().expect("the first time");
            done(c.loop_start())
        }
        _ => None,
    }
}

fn publishing(call: &str) -> Outcome {
    let publish = |client: &Client, topic: &str, options: PublishOptions| {
        Some(client.publish(topic, "x", options).map(|info| info.rc()))
    };
    let qos = |qos: i32| PublishOptions::new().qos(qos);
    let with = || qos(1).properties(properties());
    match call {
        r#"c.publish("", "x", 0)"# => publish(&v3(), "", qos(0)),
        r#"c.publish("a/+", "x", 0)"# => publish(&v3(), "a/+", qos(0)),
        r##"c.publish("a/#", "x", 0)"## => publish(&v3(), "a/#", qos(0)),
        r#"c.publish("a+b", "x", 0)"# => publish(&v3(), "a+b", qos(0)),
        r#"c.publish("t" * 65535, "x", 1)"# => publish(&v3(), &"t".repeat(65_535), qos(1)),
        r#"c.publish("t" * 65536, "x", 1)"# => publish(&v3(), &"t".repeat(65_536), qos(1)),
        r#"c.publish("t", "x", -1)"# => publish(&v3(), "t", qos(-1)),
        r#"c.publish("t", "x", 3)"# => publish(&v3(), "t", qos(3)),
        r#"c.publish("t", None, 1)"# => Some(v3().publish("t", (), 1).map(|info| info.rc())),
        r#"c.publish("t", "x", 0)"# => publish(&v3(), "t", qos(0)),
        r#"c.publish("t", "x", 1)"# => publish(&v3(), "t", qos(1)),
        r#"c.publish("t", "x", 2)"# => publish(&v3(), "t", qos(2)),
        r#"c.publish("$SYS/t", "x", 1)"# => publish(&v3(), "$SYS/t", qos(1)),
        r#"c.publish("t/", "x", 1)"# => publish(&v3(), "t/", qos(1)),
        r#"c.publish("t", "x", 1, properties=publish_properties)"# => publish(&v3(), "t", with()),
        r#"full(c).publish("t", "x", 1)"# => publish(&full(), "t", qos(1)),
        r#"full(c).publish("t", "x", 0)"# => publish(&full(), "t", qos(0)),
        r#"v5.publish("", "x", 1)"# => publish(&v5(), "", qos(1)),
        r#"v5.publish("t", "x", 1, properties=publish_properties)"# => publish(&v5(), "t", with()),
        r#"c.publish("t", "x", 1).wait_for_publish(0)"# => {
            let client = v3();
            done(client.publish("t", "x", 1).and_then(|info| info.wait_for_publish(0)))
        }
        r#"c.publish("t", "x", 0).wait_for_publish(0)"# => {
            done(v3().publish("t", "x", 0).and_then(|info| info.wait_for_publish(0)))
        }
        r#"full(c).publish("t", "x", 1).wait_for_publish(0)"# => {
            done(full().publish("t", "x", 1).and_then(|info| info.wait_for_publish(0)))
        }
        r#"c.publish("t", "x", 1).is_published()"# => {
            let client = v3();
            let info = client.publish("t", "x", 1).expect("queued");
            assert!(!info.is_published());
            done(Ok(()))
        }
        _ => None,
    }
}

fn subscribing(call: &str) -> Outcome {
    let (c, v5) = (v3(), v5());
    let with = || SubscribeOptions::new().properties(properties());
    match call {
        r#"c.subscribe("", 0)"# => done(c.subscribe("", 0)),
        r#"c.subscribe("a", 0)"# => done(c.subscribe("a", 0)),
        r#"c.subscribe("a", 3)"# => done(c.subscribe("a", 3)),
        r#"c.subscribe("a", -1)"# => done(c.subscribe("a", -1)),
        r##"c.subscribe("a/#/b", 0)"## => done(c.subscribe("a/#/b", 0)),
        r##"c.subscribe("a#", 0)"## => done(c.subscribe("a#", 0)),
        r#"c.subscribe("a+", 0)"# => done(c.subscribe("a+", 0)),
        r#"c.subscribe("+a/b", 0)"# => done(c.subscribe("+a/b", 0)),
        r##"c.subscribe("#", 0)"## => done(c.subscribe("#", 0)),
        r##"c.subscribe("+/+/#", 0)"## => done(c.subscribe("+/+/#", 0)),
        r#"c.subscribe("$share/g/a", 0)"# => done(c.subscribe("$share/g/a", 0)),
        r#"c.subscribe("a" * 65536, 0)"# => done(c.subscribe("a".repeat(65_536), 0)),
        r#"c.subscribe([])"# => done(c.subscribe_many(Vec::<(String, i32)>::new())),
        r#"c.subscribe([("a", 0), ("b", 3)])"# => done(c.subscribe_many([("a", 0), ("b", 3)])),
        r#"c.subscribe([("a", 0), ("", 0)])"# => done(c.subscribe_many([("a", 0), ("", 0)])),
        r#"c.subscribe([("a", 0), ("b", 2)])"# => done(c.subscribe_many([("a", 0), ("b", 2)])),
        r#"c.unsubscribe("")"# => done(c.unsubscribe("")),
        r#"c.unsubscribe("a")"# => done(c.unsubscribe("a")),
        r#"c.unsubscribe([])"# => done(c.unsubscribe_many(Vec::<String>::new())),
        r#"c.unsubscribe(["a", ""])"# => done(c.unsubscribe_many(["a", ""])),
        r##"c.unsubscribe("a/#/b")"## => done(c.unsubscribe("a/#/b")),
        r#"c.message_callback_add("", f)"# => done(c.message_callback_add("", |_, _, _| {})),
        r##"c.message_callback_add("a/#/b", f)"## => done(c.message_callback_add("a/#/b", |_, _, _| {})),
        r#"c.message_callback_add("a", f)"# => done(c.message_callback_add("a", |_, _, _| {})),
        r#"c.message_callback_remove("a")"# => set(|| c.message_callback_remove("a")),
        r#"v5.subscribe("a", 0, properties=subscribe_properties)"# => done(v5.subscribe("a", with())),
        r#"v5.subscribe("", 0)"# => done(v5.subscribe("", 0)),
        r#"v5.subscribe("a", options=SubscribeOptions(qos=1, noLocal=True))"# => {
            done(v5.subscribe("a", SubscribeOptions::new().qos(1).no_local(true)))
        }
        r#"v5.unsubscribe("a", properties=unsubscribe_properties)"# => done(v5.unsubscribe_with(["a"], properties())),
        _ => None,
    }
}

fn setting(call: &str) -> Outcome {
    let c = v3();
    match call {
        r#"c.will_set("", "x")"# => done(c.will_set("", "x", 0)),
        r#"c.will_set("t", "x", 3)"# => done(c.will_set("t", "x", 3)),
        r#"c.will_set("t", "x", -1)"# => done(c.will_set("t", "x", -1)),
        r#"c.will_set("t", None, 2, True)"# => done(c.will_set("t", (), PublishOptions::new().qos(2).retain(true))),
        r##"c.will_set("a/#", "x")"## => done(c.will_set("a/#", "x", 0)),
        r#"c.will_clear()"# => set(|| c.will_clear()),
        r#"c.username_pw_set("u", None)"# => set(|| c.username_pw_set("u", None)),
        r#"c.username_pw_set("u", "p")"# => set(|| c.username_pw_set("u", "p")),
        r#"c.username_pw_set("", "p")"# => set(|| c.username_pw_set("", "p")),
        r#"c.reconnect_delay_set(1, 120)"# => done(c.reconnect_delay_set(1, 120)),
        r#"c.reconnect_delay_set(0, 0)"# => done(c.reconnect_delay_set(0, 0)),
        r#"c.reconnect_delay_set(2, 1)"# => done(c.reconnect_delay_set(2, 1)),
        r#"c.max_inflight_messages_set(0)"# => set(|| c.max_inflight_messages_set(0)),
        r#"c.max_queued_messages_set(0)"# => set(|| c.max_queued_messages_set(0)),
        r#"put(c, "keepalive", -1)"# => done(c.keepalive_set(-1)),
        r#"put(c, "keepalive", 0)"# => done(c.keepalive_set(0)),
        r#"put(c, "connect_timeout", 0)"# => done(c.connect_timeout_set(0)),
        r#"put(c, "connect_timeout", -1)"# => done(c.connect_timeout_set(-1)),
        r#"put(c, "connect_timeout", 0.5)"# => {
            let result = c.connect_timeout_set(0.5);
            assert_eq!(c.connect_timeout(), Duration::from_millis(500));
            done(result)
        }
        r#"c.ack(1, 0)"# => done(c.ack(1, 0)),
        r#"c.ack(1, 1)"# => done(c.ack(1, 1)),
        r#"c.ack(1, 2)"# => done(c.ack(1, 2)),
        r#"Client(V2, manual_ack=True).ack(1, 1)"# => {
            c.manual_ack_set(true);
            done(c.ack(1, 1))
        }
        r#"c.user_data_set(None)"# => set(|| c.user_data_set(())),
        _ => None,
    }
}
