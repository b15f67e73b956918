//! The longest, the shortest and no time at all, wherever a length of time can be given: a result or an error, never a
//! panic, and never a wait that was not asked for.

use std::time::Duration;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, quick};
use crate::support::mosquitto::free_port;
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::wait::{DEADLINE, Probe, returns};

const NANO: Duration = Duration::from_nanos(1);

#[test]
fn keep_alives() {
    let client = quick();
    for too_long in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(65_536)] {
        let error = client.keepalive_set(too_long).expect_err("more than CONNECT can carry");
        assert!(matches!(error, Error::InvalidKeepalive { .. }), "{error:?}");
        let options = || pmc::ConnectOptions::new().keepalive(too_long);
        let error = client.connect_with(HOST, 1, options()).expect_err("more than CONNECT can carry");
        assert!(matches!(error, Error::InvalidKeepalive { .. }), "{error:?}");
        let error = client.connect_async_with(HOST, 1, options()).expect_err("more than CONNECT can carry");
        assert!(matches!(error, Error::InvalidKeepalive { .. }), "{error:?}");
    }
    assert_eq!((client.host(), client.keepalive()), (String::new(), Duration::from_secs(60)));
    let (tell, heard) = Probe::pair();
    let scripts = (0..3).map(|_| {
        let tell = tell.clone();
        script(move |peer| {
            let _ = tell.send(peer.accept().keepalive);
            peer.answer_pings();
            peer.expect_disconnect();
        })
    });
    let broker = ScriptedBroker::sequence(scripts.collect());
    for (given, sent) in [(Duration::ZERO, 0), (NANO, 1), (Duration::from_secs(65_535), 65_535)] {
        client.keepalive_set(given).expect("valid");
        let options = pmc::ConnectOptions::new().keepalive(given);
        client.connect_with(HOST, broker.port(), options).expect("accepted");
        client.disconnect().expect("connected");
        assert_eq!(heard.next("CONNECT"), sent);
    }
    broker.finish();
}

#[test]
fn connect_timeouts() {
    let client = quick();
    client.connect_timeout_set(Duration::ZERO).expect_err("no time at all");
    client.connect_timeout_set(NANO).expect("valid");
    let broker = ScriptedBroker::serving(|_, peer| drop(peer.packet_or_end()));
    let (trying, port) = (client.clone(), broker.port());
    let error = returns("connect", move || trying.connect(HOST, port)).expect_err("over before it began");
    assert!(matches!(error, Error::ConnectTimeout { .. } | Error::Unreachable { .. }), "{error:?}");
    broker.finish();
    client.connect_timeout_set(Duration::MAX).expect("valid");
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        peer.expect_disconnect();
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    broker.finish();
    client.connect(HOST, free_port()).expect_err("nobody there");
}

#[test]
fn reconnect_delays() {
    let client = quick();
    client.reconnect_delay_set(Duration::ZERO, Duration::ZERO).expect_err("a hot loop");
    client.reconnect_delay_set(Duration::MAX, NANO).expect_err("the smallest is the largest");
    client.reconnect_delay_set(NANO, Duration::MAX).expect("valid");
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| drop(peer.accept())),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let (tell, connected) = Probe::pair();
    client.on_connect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    connected.take(2, "both connections");
    client.disconnect().expect("connected");
    broker.finish();

    // It waits for ever, and can still be told to end.
    client.reconnect_delay_set(Duration::MAX, Duration::MAX).expect("valid");
    let broker = ScriptedBroker::run(|peer| drop(peer.accept()));
    let (tell, lost) = Probe::pair();
    client.on_disconnect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    lost.next("the loss");
    let leaving = client.clone();
    returns("disconnect", move || leaving.disconnect()).expect("a connection is wanted");
    broker.finish();
    returns("the drop", move || drop(client));
}

#[test]
fn time_limits_of_waiting() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (tell, sent) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let message = peer.expect_publish();
        let _ = wait.recv_timeout(DEADLINE);
        peer.puback(message.id);
        peer.expect_publish();
        tell.send(()).expect("the test waits");
        peer.expect_disconnect();
        peer.expect_eof();
    });
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    for short in [Duration::ZERO, NANO] {
        let looping = client.clone();
        returns("loop_once", move || looping.loop_once(short)).expect("connected");
    }
    let info = client.publish("t", "x", 1).expect("connected");
    for short in [Duration::ZERO, NANO] {
        let (info, looping) = (info.clone(), short);
        let error = returns("wait_for_publish", move || info.wait_for_publish(looping)).expect_err("not yet");
        assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    }
    go.send(()).expect("the script waits");
    for long in [Duration::MAX, Duration::from_secs(u64::MAX)] {
        let info = info.clone();
        returns("wait_for_publish", move || info.wait_for_publish(long)).expect("confirmed");
    }
    for short in [Duration::ZERO, NANO] {
        // Confirmed is confirmed, however little time there is.
        info.wait_for_publish(short).expect("confirmed");
    }
    client.loop_start().expect("a loop");
    client.publish("t", "never confirmed", 1).expect("connected");
    // So little time is over before anything is sent.
    sent.next("the message");
    let leaving = client.clone();
    let options = pmc::DisconnectOptions::new().timeout(NANO);
    let outcome = returns("disconnect", move || leaving.disconnect_with(options));
    assert!(matches!(outcome, Err(Error::Unconfirmed { count: 1 })), "{outcome:?}");
    broker.finish();
}

#[test]
fn time_limits_of_ending() {
    for limit in [Duration::ZERO, NANO, Duration::MAX] {
        let broker = ScriptedBroker::run(|peer| {
            peer.accept();
            peer.expect_disconnect();
            peer.expect_eof();
        });
        let client = quick();
        client.connect(HOST, broker.port()).expect("accepted");
        let options = pmc::DisconnectOptions::new().timeout(limit);
        returns("disconnect", move || client.disconnect_with(options)).expect("nothing to wait for");
        broker.finish();
    }
}
