//! Messages with an expiry interval, while they wait.

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, back_at_once, builder_v5, quick_v5};
use crate::support::mosquitto::free_port;
use crate::support::scripted::ScriptedBroker;
use crate::support::wait::{DEADLINE, Probe};

fn expiring(seconds: u32) -> pmc::PublishOptions {
    pmc::PublishOptions::new().qos(1).properties(pmc::Properties::new().with_message_expiry_interval(seconds))
}

#[test]
fn a_message_that_expires_offline_is_given_up() {
    let client = quick_v5();
    let (tell, reported) = Probe::pair();
    client.on_publish(move |_, _, mid, code, _| {
        let _ = tell.send((mid, code.value()));
    });
    client.connect_async(HOST, free_port()).expect("valid");
    client.loop_start().expect("a loop");
    let options = pmc::PublishOptions::new().qos(1);
    let before = client.publish("before", "x", options).expect("queued");
    let expired = client.publish("mesure", "21", expiring(1)).expect("queued");
    let error = expired.wait_for_publish(DEADLINE).expect_err("it expires");
    assert!(matches!(&error, Error::MessageExpired { topic } if topic == "mesure"), "{error:?}");
    assert!(!expired.is_published());
    assert_eq!(reported.next("on_publish"), (expired.mid(), 131));
    assert_eq!(client.unconfirmed_messages(), 1);
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        for topic in ["before", "after"] {
            let message = peer.expect_publish();
            assert_eq!(message.topic, topic);
            peer.puback(message.id);
        }
        peer.expect_disconnect();
    });
    let after = client.publish("after", "x", expiring(3600)).expect("queued");
    client.connect(HOST, broker.port()).expect("accepted");
    for info in [before, after] {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("everything is confirmed");
    broker.finish();
}

/// The message expiry interval in the properties of a PUBLISH that has no other.
fn interval(properties: &[u8]) -> u32 {
    assert_eq!((properties.len(), properties[0]), (5, 0x02), "{properties:02x?}");
    u32::from_be_bytes(properties[1..].try_into().expect("four bytes"))
}

#[test]
fn an_interval_that_is_not_over_is_sent() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        for expected in [3600, 0] {
            let message = peer.expect_publish();
            let sent = interval(&message.properties);
            assert!(sent <= expected && sent + 120 > expected, "{sent}");
            peer.puback(message.id);
        }
        peer.expect_disconnect();
    });
    let client = quick_v5();
    client.connect(HOST, broker.port()).expect("accepted");
    for seconds in [3600, 0] {
        client.publish("t", "x", expiring(seconds)).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("connected");
    broker.finish();
}

#[cfg(feature = "persistence")]
#[test]
fn the_interval_goes_on_over_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = || {
        let builder = builder_v5().client_id("expiring").persistence(dir.path());
        back_at_once(builder.build().expect("a client"))
    };
    let first = client();
    first.publish("long", "x", expiring(3600)).expect("queued");
    first.publish("short", "x", expiring(1)).expect("queued");
    drop(first);
    // As long as the short one lasts.
    let waiting = quick_v5();
    waiting.connect_async(HOST, free_port()).expect("valid");
    waiting.loop_start().expect("a loop");
    let clock = waiting.publish("clock", "x", expiring(1)).expect("queued");
    clock.wait_for_publish(DEADLINE).expect_err("it expires");

    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let message = peer.expect_publish();
        let sent = interval(&message.properties);
        assert!(message.topic == "long" && sent <= 3599 && sent > 3400, "{message:?}");
        peer.puback(message.id);
        peer.expect_disconnect();
    });
    let second = client();
    assert_eq!(second.unconfirmed_messages(), 2);
    let (tell, reported) = Probe::pair();
    second.on_publish(move |_, _, mid, code, _| {
        let _ = tell.send((mid, code.value()));
    });
    second.connect(HOST, broker.port()).expect("accepted");
    second.loop_start().expect("a loop");
    let mut seen = reported.take(2, "both reports");
    seen.sort_unstable();
    assert_eq!(seen, [(1, 0), (2, 131)]);
    second.disconnect().expect("nothing is left");
    broker.finish();
}
