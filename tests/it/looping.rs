//! The loops: who runs the callbacks, and when they end.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe, returns, wait_until};

/// `loop_forever` on a thread, and what it returns.
fn forever(client: &pmc::Client) -> Probe<pmc::Result<()>> {
    let (tell, ended) = Probe::pair();
    let client = client.clone();
    thread::spawn(move || tell.send(client.loop_forever()));
    ended
}

#[test]
fn loop_once_runs_what_is_due_and_no_more() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    assert_eq!(told.rest(), [Told::PreConnect]);
    client.loop_once(Duration::ZERO).expect("connected");
    assert_eq!(told.rest(), [Told::connected()]);
    let begin = Instant::now();
    client.loop_once(Duration::from_millis(30)).expect("connected");
    assert!(begin.elapsed() >= Duration::from_millis(30), "it waits for an event");
    told.is_drained("nothing was due");
    let info = client.publish("t", "x", 1).expect("connected");
    wait_until("the confirmation", DEADLINE, || info.is_published());
    told.is_drained("nobody runs callbacks");
    client.loop_once(DEADLINE).expect("connected");
    assert_eq!(told.rest(), [Told::Publish { mid: 1, code: 0 }]);
}

#[test]
fn loop_once_connects_and_comes_back() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| drop(peer.accept())),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    let told = tell_all(&client);
    client.connect_async(HOST, broker.port()).expect("valid");
    let round = [Told::PreConnect, Told::connected(), Told::disconnected(128), Told::PreConnect, Told::connected()];
    let mut seen = Vec::new();
    wait_until("the second connection", DEADLINE, || {
        client.loop_once(Duration::from_millis(10)).expect("a connection is wanted");
        seen.extend(told.rest());
        seen.len() >= round.len()
    });
    assert_eq!(seen, round);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn loop_stop_and_loop_start_lose_nothing() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("t", 1).expect("connected");
    client.loop_start().expect("no loop yet");
    assert!(matches!(told.take(3, "the subscription")[..], [.., Told::Subscribe { .. }]));
    for round in 0..20_u8 {
        client.loop_stop().expect("a loop");
        let infos: Vec<_> = (0..5_u8).map(|n| client.publish("t", [round, n], 1).expect("connected")).collect();
        wait_until("the confirmations", DEADLINE, || infos.iter().all(pmc::MessageInfo::is_published));
        told.is_drained("no loop runs");
        client.loop_start().expect("the last one has ended");
        let events = told.take(10, "messages and confirmations");
        let messages: Vec<_> = events.iter().filter(|event| matches!(event, Told::Message { .. })).cloned().collect();
        assert_eq!(messages, [0, 1, 2, 3, 4].map(|n| Told::message("t", [round, n], 1)));
        assert_eq!(events.len() - messages.len(), 5);
    }
    assert!(client.is_connected(), "the connection stood all the time");
    client.disconnect().expect("connected");
    assert_eq!(told.rest(), [Told::disconnected(0)]);
}

#[test]
fn loop_stop_waits_for_the_callback_that_runs() {
    let broker = Mosquitto::start();
    let client = quick();
    let (begun, begin) = Probe::pair();
    let (go, wait) = channel::<()>();
    client.on_publish(move |_, _, _, _, _| {
        let _ = begun.send("begun");
        let _ = wait.recv_timeout(DEADLINE);
        let _ = begun.send("done");
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    client.publish("t", "x", 1).expect("connected");
    assert_eq!(begin.next("the callback"), "begun");
    let (tell, stopped) = Probe::pair();
    let stopping = client.clone();
    thread::spawn(move || tell.send(stopping.loop_stop()));
    go.send(()).expect("the callback waits");
    stopped.next("the end of loop_stop").expect("a loop");
    assert_eq!(begin.rest(), ["done"]);
}

#[test]
fn loop_stop_inside_a_callback() {
    let broker = Mosquitto::start();
    let client = quick();
    let (tell, heard) = Probe::pair();
    client.on_publish(move |client, _, mid, _, _| {
        let _ = tell.send((mid, client.loop_stop().is_ok()));
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    client.publish("t", "x", 1).expect("connected");
    assert_eq!(heard.next("the callback"), (1, true));
    wait_until("the loop to end", DEADLINE, || matches!(client.loop_stop(), Err(Error::NoLoop)));
    client.publish("t", "x", 1).expect("the connection stands");
    client.loop_start().expect("the last one has ended");
    assert_eq!(heard.next("the callback of the next loop").0, 2);
}

#[test]
fn loop_forever_ends_by_disconnect() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = tell_all(&client);
    let (tell, heard) = Probe::pair();
    client.on_publish(move |client, _, mid, _, _| {
        if mid == 2 {
            let _ = tell.send(client.disconnect().is_ok());
        }
    });
    client.connect(HOST, broker.port()).expect("accepted");
    for _ in 0..3 {
        client.publish("t", "x", 1).expect("connected");
    }
    assert!(forever(&client).next("the end after disconnect in a callback").is_ok());
    assert_eq!(heard.rest(), [true]);
    assert_eq!(told.rest(), [Told::PreConnect, Told::connected(), Told::disconnected(0)]);

    client.reconnect().expect("accepted");
    let ended = forever(&client);
    assert_eq!(told.take(2, "the second connection"), [Told::PreConnect, Told::connected()]);
    client.disconnect().expect("connected");
    assert!(ended.next("the end after disconnect in another thread").is_ok());
    assert_eq!(told.rest(), [Told::disconnected(0)]);
    assert!(!client.is_connected());
}

#[test]
fn loop_forever_ends_by_disconnect_while_it_waits_to_try_again() {
    let client = quick();
    client.reconnect_delay_set(Duration::from_secs(3600), Duration::from_secs(3600)).expect("valid");
    let broker = ScriptedBroker::run(|peer| drop(peer.accept()));
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    let ended = forever(&client);
    assert_eq!(told.take(3, "the loss")[2], Told::disconnected(128));
    client.disconnect().expect("a connection is wanted");
    assert!(ended.next("the end").is_ok());
    broker.finish();
}

#[test]
fn disconnect_without_a_loop_runs_what_is_due() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("t", 2).expect("connected");
    for qos in 0..=2_u8 {
        client.publish("t", [qos], qos).expect("connected");
    }
    client.disconnect().expect("connected");
    let events = told.rest();
    assert_eq!(events[..2], [Told::PreConnect, Told::connected()]);
    assert_eq!(events.last(), Some(&Told::disconnected(0)));
    for due in [
        Told::Subscribe { mid: 1, codes: vec![2] },
        Told::Publish { mid: 2, code: 0 },
        Told::Publish { mid: 3, code: 0 },
        Told::Publish { mid: 4, code: 0 },
    ] {
        assert_eq!(events.iter().filter(|event| **event == due).count(), 1, "{due:?} in {events:?}");
    }
}

#[test]
fn a_loop_started_before_connect() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = tell_all(&client);
    client.loop_start().expect("no loop yet");
    client.connect(HOST, broker.port()).expect("accepted");
    assert_eq!(told.take(2, "the connection"), [Told::PreConnect, Told::connected()]);
    client.disconnect().expect("connected");
    assert_eq!(told.next("the end"), Told::disconnected(0));
    // The loop goes on for the next connection.
    client.connect(HOST, broker.port()).expect("accepted");
    assert_eq!(told.take(2, "the next connection"), [Told::PreConnect, Told::connected()]);
    returns("disconnect", move || client.disconnect().expect("connected"));
}

#[test]
fn no_duration_is_too_long() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| drop(peer.accept())),
        script(|peer| {
            peer.accept();
            let message = peer.expect_publish();
            peer.puback(message.id);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    client.connect_timeout_set(Duration::MAX).expect("valid");
    client.reconnect_delay_set(Duration::MAX, Duration::MAX).expect("valid");
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    let mut seen = Vec::new();
    while seen.last() != Some(&Told::disconnected(128)) {
        client.loop_once(Duration::MAX).expect("a connection is wanted");
        seen.extend(told.rest());
    }
    client.reconnect().expect("accepted");
    let message = client.publish("t", "", 1).expect("connected");
    message.wait_for_publish(Duration::MAX).expect("confirmed");
    client.disconnect_with(pmc::DisconnectOptions::new().timeout(Duration::MAX)).expect("connected");
    broker.finish();
}
