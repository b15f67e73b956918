//! What errors and the log say: what is so, and no more.
//!
//! Where the whole log counts, the test has a process of its own.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, is_paho, plain, quick, quick_v5};
use crate::support::logged::{expect_logged, is_logged, keep_log, logged};
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, Probe, holds_within, wait_until};

#[test]
fn only_publish_says_that_messages_are_queued() {
    let client = plain();
    let queued = client.publish("t", "x", 1).expect("queued");
    for (what, error) in [
        ("subscribe", client.subscribe("t", 0).expect_err("no connection")),
        ("unsubscribe", client.unsubscribe("t").expect_err("no connection")),
        ("disconnect", client.disconnect().expect_err("no connection")),
        ("loop_once", client.loop_once(0).expect_err("no connection")),
        ("wait_for_publish", queued.wait_for_publish(None).expect_err("no connection")),
    ] {
        let text = error.to_string();
        assert!(matches!(error, Error::NotConnected { .. }), "{what}: {error:?}");
        assert!(text.contains(what) && text.contains("connect") && !text.contains("queued instead"), "{what}: {text}");
    }
    let text = client.publish("t", "x", 0).expect_err("no connection").to_string();
    assert!(text.contains("QoS 0") && text.contains("queued"), "{text}");
}

#[test]
fn a_host_that_is_more_than_a_host() {
    let client = plain();
    for (host, parts) in [
        ("mqtt://localhost", ["mqtt://", "localhost"]),
        ("tcp://mqttbroker.lan:1883", ["tcp://", "mqttbroker.lan"]),
        ("localhost:1885", ["1885", "port"]),
        ("10.10.10.23:1883", ["1883", "port"]),
    ] {
        for error in [
            client.connect(host, 1883).expect_err("not a host"),
            client.connect_async(host, 1883).expect_err("not a host"),
        ] {
            assert!(matches!(error, Error::InvalidHost { .. }), "{host}: {error:?}");
            let text = error.to_string();
            assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in {text}");
        }
    }
    assert_eq!(client.host(), "");
    // An address of IPv6 has colons of its own.
    let error = client.connect("::1", free_port()).expect_err("nobody there");
    assert!(!matches!(error, Error::InvalidHost { .. }), "{error:?}");
}

#[test]
fn the_log_says_why_the_broker_has_left() {
    keep_log();
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            peer.disconnect_v5(0x96, &[]);
            peer.expect_eof();
        }),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let client = quick_v5();
    let (tell, connected) = Probe::pair();
    client.on_connect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    connected.take(2, "both connections");
    expect_logged(Level::Warn, &["Message rate too high", "150"]);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_slow_callback_is_no_missing_loop() {
    println!("{}", alone("texts::a_loop_with_a_slow_callback", &[]));
}

#[test]
#[ignore = "run by a_slow_callback_is_no_missing_loop, alone in its process: the whole log counts"]
fn a_loop_with_a_slow_callback() {
    keep_log();
    let broker = Mosquitto::start();
    let client = quick();
    let (tell, begun) = Probe::pair();
    let (go, wait) = channel::<()>();
    client.on_publish(move |_, _, _, _, _| {
        let _ = tell.send(());
        let _ = wait.recv_timeout(5 * DEADLINE);
    });
    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    for _ in 0..10 {
        client.publish("t", "x", 1).expect("connected");
    }
    begun.next("the slow callback");
    let warnings = || logged(Level::Warn, &["no loop has run"]).len();
    // Another client has no loop at all. Once the log says so of it, as much time has passed for the first one.
    let forgotten = quick();
    forgotten.on_publish(|_, _, _, _, _| {});
    forgotten.connect(HOST, broker.port()).expect("a broker");
    forgotten.publish("t", "x", 1).expect("connected");
    wait_until("the warning of the one without a loop", DEADLINE, || warnings() > 0);
    assert!(!holds_within(Duration::from_secs(3), || warnings() > 1), "a loop runs, and its callback is slow");
    drop(go);
    client.disconnect().expect("connected");
}

#[test]
fn who_has_disconnected_is_not_told_to_do_so() {
    println!("{}", alone("texts::a_drop_after_disconnect", &[]));
}

#[test]
#[ignore = "run by who_has_disconnected_is_not_told_to_do_so, alone in its process: the whole log counts"]
fn a_drop_after_disconnect() {
    keep_log();
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        peer.expect_publish();
        peer.read_to_eof();
    });
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    client.publish("t", "x", 1).expect("connected");
    let options = pmc::DisconnectOptions::new().timeout(0.1);
    let outcome = client.disconnect_with(options);
    assert!(matches!(outcome, Err(Error::Unconfirmed { count: 1 })), "{outcome:?}");
    drop(client);
    broker.finish();
    // That it was never confirmed may be said again; what was done may not be asked for.
    assert!(!is_logged(Level::Error, &["call disconnect"]), "{:?}", logged(Level::Error, &[]));
}

#[test]
fn the_same_failure_is_explained_once() {
    println!("{}", alone("texts::attempts_that_fail_alike", &[]));
}

#[test]
#[ignore = "run by the_same_failure_is_explained_once, alone in its process: the whole log counts"]
fn attempts_that_fail_alike() {
    keep_log();
    let client = quick();
    let (tell, failed) = Probe::pair();
    client.on_connect_fail(move |_, _| {
        let _ = tell.send(());
    });
    let port = free_port();
    client.connect_async(HOST, port).expect("valid");
    client.loop_start().expect("a loop");
    failed.take(6, "failures");
    client.disconnect().expect("a connection is wanted");
    let lines = logged(Level::Warn, &[&port.to_string()]);
    assert!(lines.len() >= 2, "{lines:?}");
    let explained = lines.iter().filter(|line| line.contains("mosquitto")).count();
    assert_eq!(explained, 1, "with cause and remedy once: {lines:#?}");
    assert!(lines[0].contains("mosquitto"), "{lines:#?}");
    assert!(lines[1..].iter().all(|line| line.len() < 120 && !line.contains('\n')), "then one line: {lines:#?}");
}

/// Notes who logs, whatever it is.
struct Targets;

static TARGETS: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

impl Log for Targets {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = (record.level(), record.target().to_owned());
        TARGETS.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn flush(&self) {}
}

#[test]
fn no_line_of_pahos_reaches_the_log() {
    if is_paho() {
        println!("{}", alone("texts::everything_that_is_logged", &[]));
    }
}

#[test]
#[ignore = "run by no_line_of_pahos_reaches_the_log, alone in its process: the whole log counts"]
fn everything_that_is_logged() {
    log::set_logger(&Targets).expect("no other logger");
    log::set_max_level(LevelFilter::Info);
    // The level is the program's, not for a moment anybody else's.
    let (over, is_over) = channel::<()>();
    let watch = thread::spawn(move || {
        let mut levels = Vec::new();
        while is_over.try_recv() == Err(TryRecvError::Empty) {
            levels.push(log::max_level());
            levels.dedup();
        }
        levels
    });
    let broker = Mosquitto::start();
    let client = quick();
    let (tell, connected) = Probe::pair();
    client.on_connect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect(HOST, free_port()).expect_err("nobody there");
    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    connected.next("the connection");
    client.subscribe("t", 2).expect("connected");
    for qos in 0..=2 {
        client.publish("t", "x", qos).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    }
    broker.restart();
    connected.next("the client is back");
    client.disconnect().expect("connected");
    drop(client);
    drop(over);
    assert_eq!(watch.join().expect("no panic"), [LevelFilter::Info]);
    let targets = TARGETS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(targets.iter().any(|(_, target)| target.starts_with("rappel")), "nothing was logged");
    let others: Vec<_> = targets.iter().filter(|(_, target)| !target.starts_with("rappel")).collect();
    assert!(others.is_empty(), "{others:?}");
}
