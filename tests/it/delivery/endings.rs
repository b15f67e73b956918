//! `publish` and then the end, in all its forms: nothing accepted is lost, or the caller was told how much.

use std::collections::HashSet;
use std::env;
use std::sync::mpsc::channel;
use std::time::Duration;

use log::Level;
use rappel as pmc;

use super::subscriber;
use crate::support::client::{HOST, named};
use crate::support::logged::{is_logged, keep_log};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::ScriptedBroker;
use crate::support::trials::{Chance, alone, rounds};
use crate::support::wait::{DEADLINE, Probe, holds_within, wait_until};

/// What a program prints that could not send everything before its end.
const GIVEN_UP: &str = "given up, and said so";

/// How a round ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Disconnect,
    Drop,
}

/// One round: some messages, then the end at once. Gives what was accepted.
fn round(port: u16, number: usize, end: End, chance: &mut Chance) -> HashSet<String> {
    let client = named(&format!("round-{number}"), pmc::Protocol::V311);
    let looped = number.is_multiple_of(2);
    client.connect(HOST, port).expect("a broker");
    if looped {
        client.loop_start().expect("a loop");
    }
    let mut accepted = HashSet::new();
    for n in 0..1 + chance.below(30) {
        let (text, qos) = (format!("{number}/{n}"), chance.below(3) as i32);
        client.publish("round", text.as_str(), qos).expect("accepted");
        accepted.insert(text);
    }
    match end {
        End::Disconnect => client.disconnect().expect("all of it was confirmed"),
        End::Drop => drop(client),
    }
    accepted
}

/// Plays rounds and checks that every message of each arrives, or that the log tells how many were given up.
fn play(end: End, seed: u64) {
    keep_log();
    let broker = Mosquitto::start();
    let (_subscriber, heard) = subscriber(broker.port(), "subscriber", 2);
    let mut chance = Chance::new(seed);
    for number in 0..rounds(100, 1000) {
        let mut missing = round(broker.port(), number, end, &mut chance);
        let complete = holds_within(DEADLINE, || {
            for (_, text) in heard.rest() {
                // A late one of a round that was given up is welcome too.
                assert!(missing.remove(&text) || !text.starts_with(&format!("{number}/")), "{text} came twice");
            }
            missing.is_empty()
        });
        let told = |count: usize| is_logged(Level::Error, &[&format!("dropped while {count} message(s)")]);
        assert!(
            complete || matches!(end, End::Drop) && (missing.len()..=30).any(told),
            "round {number} lost {missing:?} and nobody was told"
        );
    }
}

#[test]
fn publish_then_disconnect_loses_nothing() {
    play(End::Disconnect, 1);
}

#[test]
fn publish_then_drop_loses_nothing() {
    play(End::Drop, 2);
}

#[test]
fn publish_then_the_end_of_main_loses_nothing() {
    let broker = Mosquitto::start();
    let (_subscriber, heard) = subscriber(broker.port(), "subscriber", 2);
    let port = broker.port().to_string();
    for number in 0..rounds(100, 1000) {
        let number = number.to_string();
        let printed =
            alone("delivery::endings::a_main_that_publishes_and_ends", &[("PORT", &port), ("ROUND", &number)]);
        let mut missing: HashSet<String> = (0..10).map(|n| format!("{number}/{n}")).collect();
        // On a machine with much else to do, two seconds may be too little for all of them; then the program has said so.
        while !missing.is_empty() && !printed.contains(GIVEN_UP) {
            let (_, text) = heard.next(&format!("{} messages of process {number}", missing.len()));
            assert!(missing.remove(&text) || !text.starts_with(&format!("{number}/")), "{text} came twice");
        }
    }
}

#[test]
#[ignore = "the body of publish_then_the_end_of_main_loses_nothing, one process each"]
fn a_main_that_publishes_and_ends() {
    let port = env::var("PORT").expect("PORT").parse().expect("a port");
    let number: usize = env::var("ROUND").expect("ROUND").parse().expect("a number");
    keep_log();
    let client = named(&format!("main-{number}"), pmc::Protocol::V311);
    client.connect(HOST, port).expect("a broker");
    if number.is_multiple_of(2) {
        client.loop_start().expect("a loop");
    }
    for n in 0..10 {
        client.publish("round", format!("{number}/{n}"), ((number + n) % 3) as i32).expect("accepted");
    }
    drop(client);
    if (1..=10).any(|count| is_logged(Level::Error, &[&format!("dropped while {count} message(s)")])) {
        println!("{GIVEN_UP}");
    }
}

#[test]
fn disconnect_says_how_many_were_not_confirmed() {
    let (tell, heard) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        for id in 1..=5 {
            assert_eq!(peer.expect_publish().id, id);
        }
        peer.puback(2);
        peer.puback(4);
        peer.expect_disconnect();
        peer.expect_eof();
        let _ = tell.send(());
    });
    let client = named("told", pmc::Protocol::V311);
    client.connect(HOST, broker.port()).expect("the broker accepts");
    client.loop_start().expect("a loop");
    let infos: Vec<_> = (1..=5).map(|n| client.publish("t", n, 1).expect("accepted")).collect();
    infos[1].wait_for_publish(DEADLINE).expect("confirmed");
    infos[3].wait_for_publish(DEADLINE).expect("confirmed");
    let options = pmc::DisconnectOptions::new().timeout(Duration::from_millis(100));
    let told = client.disconnect_with(options);
    assert!(matches!(told, Err(pmc::Error::Unconfirmed { count: 3 })), "{told:?}");
    heard.next("DISCONNECT, and the end");
    drop(client);
    for (position, info) in infos.iter().enumerate() {
        let after = info.wait_for_publish(DEADLINE);
        if position % 2 == 1 {
            after.expect("confirmed");
        } else {
            assert!(matches!(after, Err(pmc::Error::Dropped)), "{after:?}");
        }
    }
    broker.finish();
}

#[test]
fn a_connection_lost_during_disconnect_stays_lost() {
    // Many confirmations are due when the connection goes: the loop learns of the loss behind them.
    let (go, gone) = channel::<()>();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let ids: Vec<u16> = (0..60).map(|_| peer.expect_publish().id).collect();
        for id in &ids[..50] {
            peer.puback(*id);
        }
        gone.recv().expect("the callback's word");
        peer.close();
    });
    let client = named("leaving", pmc::Protocol::V311);
    client.max_inflight_messages_set(0);
    let mut go = Some(go);
    client.on_publish(move |client, _, _, _, _| {
        if let Some(go) = go.take() {
            client.disconnect().expect("asked for");
            go.send(()).expect("the broker waits");
            wait_until("the loss", DEADLINE, || !client.is_connected());
        }
    });
    let (tell, lost) = Probe::pair();
    client.on_disconnect(move |_, _, _, code, _| {
        let _ = tell.send(code.value());
    });
    client.connect(HOST, broker.port()).expect("the broker accepts");
    for n in 0..60 {
        client.publish("t", n, 1).expect("accepted");
    }
    client.loop_forever().expect("disconnect was asked for");
    assert_eq!(lost.rest(), [128]);
    broker.finish();
    let again = client.loop_once(Duration::ZERO);
    assert!(matches!(again, Err(pmc::Error::NotConnected { .. })), "a connection is wanted again: {again:?}");
}
