//! What a client says of itself: counters, and the last error.

use std::net::TcpListener;
use std::sync::mpsc::channel;

use rappel as pmc;

use crate::support::client::{HOST, quick};
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::wait::{DEADLINE, Probe, wait_until};

#[test]
fn counters_follow_the_messages() {
    let (permit, permits) = channel::<()>();
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            peer.close();
        }),
        script(move |peer| {
            peer.accept();
            peer.publish("t", "", 1, 9);
            let first = peer.expect_publish();
            permits.recv().expect("the test lives");
            peer.puback(first.id);
            assert_eq!(peer.expect_publish().topic, "second");
            peer.puback(first.id + 1);
            assert_eq!(peer.expect_puback().id, 9);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    assert_eq!(client.counters(), pmc::Counters::default());
    client.manual_ack_set(true);
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, msg| Ok(tell.send(msg.mid)?));
    client.max_inflight_messages_set(1);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    assert_eq!(heard.next("the message"), 9);
    client.publish("first", "", 1).expect("room");
    client.publish("second", "", 1).expect("room");
    wait_until("the first to go out", DEADLINE, || client.counters().in_flight == 1);
    let counters = client.counters();
    assert_eq!((counters.queued, counters.unacknowledged, counters.reconnections), (1, 1, 1));
    permit.send(()).expect("the broker waits");
    wait_until("the confirmations", DEADLINE, || client.unconfirmed_messages() == 0);
    client.ack(9, 1).expect("it waits");
    client.disconnect().expect("connected");
    let counters = client.counters();
    assert_eq!((counters.queued, counters.in_flight, counters.unacknowledged), (0, 0, 0));
    broker.finish();
}

#[test]
fn the_last_error_stays_until_another_takes_its_place() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            peer.close();
        }),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    assert!(client.last_error().is_none());
    let closed = TcpListener::bind((HOST, 0)).and_then(|listener| listener.local_addr()).expect("a port").port();
    let refused = client.connect(HOST, closed).expect_err("nobody listens there");
    assert_eq!(client.last_error().map(|error| error.to_string()), Some(refused.to_string()));

    let (tell, heard) = Probe::pair();
    client.on_disconnect(move |client, _, _, _, _| Ok(tell.send(client.last_error().map(|error| error.code()))?));
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    assert_eq!(heard.next("the loss"), Some(pmc::ErrorCode::ConnLost));
    wait_until("the next connection", DEADLINE, || client.is_connected());
    client.disconnect().expect("connected");
    assert_eq!(heard.next("the end"), Some(pmc::ErrorCode::ConnLost), "an end that was wanted is no error");
    broker.finish();
}
