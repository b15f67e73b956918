//! Room in the queue: its limits, waiting for it, and taking back what is in it.

use std::sync::mpsc::{Receiver, channel};

use rappel as pmc;

use crate::support::client::{HOST, VERSIONS, named, quick};
use crate::support::scripted::{Peer, ScriptedBroker};
use crate::support::wait::{Probe, returns};

/// Confirms "first" when it is permitted, then the rest.
fn slow_broker(permits: Receiver<()>) -> impl FnOnce(&mut Peer) {
    move |peer| {
        peer.accept();
        let first = peer.expect_publish();
        permits.recv().expect("the test lives");
        peer.puback(first.id);
        let second = peer.expect_publish();
        assert_eq!(second.topic, "second");
        peer.puback(second.id);
        peer.expect_disconnect();
    }
}

/// Publishes "first", and "second" when there is room; `permit` has the broker make some.
fn publish_both(client: &pmc::Client, permit: &dyn Fn()) -> pmc::Result<()> {
    client.publish("first", "", 1)?;
    let second = |options: pmc::PublishOptions| client.publish("second", "", options.qos(1));
    let full = second(pmc::PublishOptions::new().wait_for_room(0.01));
    assert!(matches!(full, Err(pmc::Error::QueueFull { limit: 1 })), "{full:?}");
    permit();
    second(pmc::PublishOptions::new().wait_for_room(None))?;
    Ok(())
}

#[test]
fn publish_waits_for_room_with_a_loop_without_and_in_a_callback() {
    for place in ["no loop", "a loop", "a callback"] {
        let (permit, permits) = channel();
        let broker = ScriptedBroker::run(slow_broker(permits));
        let client = quick();
        client.max_queued_messages_set(1);
        let (tell, heard) = Probe::pair();
        client.on_publish(move |_, _, mid, _, _| Ok(tell.send(mid)?));
        let permit = move || permit.send(()).expect("the broker waits");
        if place == "a callback" {
            let (done, outcome) = Probe::pair();
            client.on_connect(move |client, _, _, _, _| Ok(done.send(publish_both(client, &permit))?));
            client.connect(HOST, broker.port()).expect("accepted");
            client.loop_start().expect("a loop");
            outcome.next("the callback").expect("room was made");
        } else {
            client.connect(HOST, broker.port()).expect("accepted");
            if place == "a loop" {
                client.loop_start().expect("a loop");
            }
            let publisher = client.clone();
            returns("publish", move || publish_both(&publisher, &permit)).expect("room was made");
        }
        client.disconnect().expect("all confirmed");
        assert_eq!(heard.take(2, "on_publish"), [1, 2], "{place}");
        broker.finish();
    }
}

#[test]
fn nobody_waits_for_room_that_nothing_can_make() {
    let client = quick();
    client.max_queued_messages_set(1);
    client.publish("first", "", 1).expect("room");
    let full = returns("publish without a connection", move || {
        client.publish("second", "", pmc::PublishOptions::new().qos(1).wait_for_room(None))
    });
    assert!(matches!(full, Err(pmc::Error::QueueFull { limit: 1 })), "{full:?}");
}

#[test]
fn bytes_are_counted_until_they_are_confirmed() {
    let (permit, permits) = channel();
    let broker = ScriptedBroker::run(slow_broker(permits));
    let client = quick();
    client.max_queued_bytes_set(12);
    assert_eq!(client.max_queued_bytes(), 12);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.publish("first", "1234", 1).expect("9 bytes");
    for qos in [0, 1, 2] {
        let full = client.publish("more", "", qos);
        assert!(matches!(full, Err(pmc::Error::QueueBytesFull { limit: 12 })), "{full:?}");
    }
    let never = client.clone();
    let full = returns("a message that never fits", move || {
        never.publish("first", "12345678", pmc::PublishOptions::new().wait_for_room(None))
    });
    assert!(matches!(full, Err(pmc::Error::QueueBytesFull { .. })), "{full:?}");
    permit.send(()).expect("the broker waits");
    let waiting = pmc::PublishOptions::new().qos(1).wait_for_room(60);
    client.publish("second", "123456", waiting).expect("12 bytes").wait_for_publish(60).expect("confirmed");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn what_is_taken_back_is_given_back_and_its_answers_are_passed_over() {
    for protocol in VERSIONS {
        let (tell, sent) = Probe::pair();
        let (permit, permits) = channel::<()>();
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            let (one, two) = (peer.expect_publish(), peer.expect_publish());
            let _ = tell.send(());
            permits.recv().expect("the test lives");
            peer.puback(one.id);
            peer.pubrec(two.id);
            peer.pubcomp(two.id);
            // PUBREL and "four" come in one order or the other.
            let rest = [peer.read_packet(), peer.read_packet()];
            assert!(format!("{rest:?}").contains("topic: \"four\""), "{rest:?}");
            peer.puback(4);
            peer.expect_disconnect();
        });
        let client = named("taken", protocol);
        client.max_inflight_messages_set(2);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        let info = client.publish("one", "1", 1).expect("room");
        client.publish("two", "2", 2).expect("room");
        client.publish("three", "3", pmc::PublishOptions::new().qos(1).retain(true)).expect("room");
        sent.next("two messages at the broker");
        let taken = client.drop_out_messages();
        let seen: Vec<_> = taken.iter().map(|msg| (&msg.topic[..], &msg.payload[..], msg.mid, msg.retain)).collect();
        assert_eq!(seen, [("one", &b"1"[..], 1, false), ("two", b"2", 2, false), ("three", b"3", 3, true)]);
        assert_eq!((info.is_published(), client.unconfirmed_messages()), (false, 0));
        assert!(matches!(info.wait_for_publish(None), Err(pmc::Error::TakenBack)));
        permit.send(()).expect("the broker waits");
        client.publish("four", "", 1).expect("room").wait_for_publish(60).expect("confirmed");
        client.disconnect().expect("connected");
        broker.finish();
    }
}
