//! Time limits hold, whatever other threads, callbacks and clients do.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::wait::{DEADLINE, Probe, own_time, returns, wait_until};

/// A connected client with a loop, whose `on_publish` is busy until the sender goes.
fn busy(broker: &Mosquitto) -> (pmc::Client, Sender<()>) {
    let client = quick();
    let (go, wait) = channel::<()>();
    let (tell, begun) = Probe::pair();
    let mut first = true;
    client.on_publish(move |_, _, _, _, _| {
        if std::mem::take(&mut first) {
            let _ = tell.send(());
            let _ = wait.recv_timeout(5 * DEADLINE);
        }
    });
    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    client.publish("t", "x", 1).expect("connected");
    begun.next("the busy callback");
    (client, go)
}

/// A broker that takes the CONNECT and says nothing.
fn silent() -> ScriptedBroker {
    ScriptedBroker::run(|peer| drop(peer.read_to_eof()))
}

fn accepting() -> ScriptedBroker {
    ScriptedBroker::run(|peer| {
        peer.accept();
        peer.expect_disconnect();
    })
}

/// `connect` to each kind of broker, while something else holds the client's callbacks up.
fn connects_in_time(client: &pmc::Client, what: &str) {
    let connect = |port: u16| {
        let client = client.clone();
        returns(what, move || client.connect(HOST, port))
    };
    client.connect_timeout_set(1).expect("a time");
    let broker = silent();
    let error = connect(broker.port()).expect_err("no answer");
    assert!(matches!(error, Error::ConnectTimeout { .. }), "{what}: {error:?}");
    broker.finish();
    // Now only a fault reaches the limit.
    client.connect_timeout_set(DEADLINE / 2).expect("a time");
    let broker = ScriptedBroker::run(|peer| {
        peer.expect_connect();
        peer.connack(5, false);
        peer.expect_eof();
    });
    let error = connect(broker.port()).expect_err("refused");
    assert!(matches!(error, Error::Refused { .. } | Error::ConnectTimeout { .. }), "{what}: {error:?}");
    broker.finish();
    let broker = accepting();
    connect(broker.port()).expect("accepted");
    assert!(client.is_connected());
    let leaving = client.clone();
    let _ = returns(what, move || leaving.disconnect_with(pmc::DisconnectOptions::new().timeout(1)));
    broker.finish();
}

#[test]
fn connect_is_not_held_up_by_another_threads_loop_once() {
    let broker = Mosquitto::start();
    let client = quick();
    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_once(0).expect("connected");
    // Whenever one ends, the next begins: somebody is always in it.
    let (looping, (tell, begun)) = (client.clone(), Probe::pair());
    let (stop, stopped) = channel::<()>();
    thread::spawn(move || {
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            let _ = tell.send(());
            let _ = looping.loop_once(3_600);
        }
    });
    begun.next("the loop");
    let again = client.clone();
    returns("reconnect", move || again.reconnect()).expect("accepted again");
    connects_in_time(&client, "another thread in loop_once");
    drop(stop);
}

#[test]
fn connect_is_not_held_up_by_a_busy_callback() {
    let broker = Mosquitto::start();
    let (client, go) = busy(&broker);
    let again = client.clone();
    returns("reconnect", move || again.reconnect()).expect("accepted again");
    connects_in_time(&client, "a busy callback");
    drop(go);
}

#[test]
fn two_clients_whose_callbacks_reconnect_each_other_come_through() {
    let broker = Mosquitto::start();
    let clients = [quick(), quick()];
    let both = Arc::new(Barrier::new(2));
    let (tell, outcomes) = Probe::pair();
    for (number, client) in clients.iter().enumerate() {
        let (other, both, tell) = (clients[1 - number].clone(), Arc::clone(&both), tell.clone());
        let mut first = true;
        client.on_publish(move |_, _, _, _, _| {
            if std::mem::take(&mut first) {
                both.wait();
                let _ = tell.send(other.reconnect());
            }
        });
        client.connect(HOST, broker.port()).expect("a broker");
        client.loop_start().expect("a loop");
    }
    for client in &clients {
        client.publish("t", "x", 1).expect("connected");
    }
    for outcome in outcomes.take(2, "both reconnections") {
        outcome.expect("accepted again");
    }
    for client in &clients {
        let info = client.publish("t", "x", 2).expect("connected");
        info.wait_for_publish(DEADLINE).expect("confirmed");
        // Each callback holds the other client.
        client.on_publish_clear();
        client.disconnect().expect("connected");
    }
}

#[test]
fn disconnect_has_one_deadline() {
    const LIMIT: Duration = Duration::from_secs(2);
    let real = Mosquitto::start();
    let (client, go) = busy(&real);
    let leaving = client.clone();
    let options = || pmc::DisconnectOptions::new().timeout(LIMIT);
    let (_, took) = returns("disconnect", move || own_time(|| leaving.disconnect_with(options())));
    assert!(took < LIMIT + Duration::from_millis(1_500), "a callback is busy: disconnect took {took:?}");
    drop(go);

    // What is not confirmed, and a callback that is busy.
    let (tell, reached) = Probe::pair();
    let broker = ScriptedBroker::sequence(vec![script(move |peer| {
        peer.accept();
        let first = peer.expect_publish();
        peer.expect_publish();
        peer.puback(first.id);
        let _ = tell.send(());
        peer.read_to_eof();
    })]);
    let client = quick();
    let (go, wait) = channel::<()>();
    client.on_publish(move |_, _, _, _, _| {
        let _ = wait.recv_timeout(5 * DEADLINE);
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    for _ in 0..2 {
        client.publish("t", "x", 1).expect("connected");
    }
    reached.next("both messages");
    let leaving = client.clone();
    let (outcome, took) = returns("disconnect", move || own_time(|| leaving.disconnect_with(options())));
    assert!(matches!(outcome, Err(Error::Unconfirmed { count: 1 })), "{outcome:?}");
    assert!(took < LIMIT + Duration::from_millis(1_500), "with an unconfirmed message: disconnect took {took:?}");
    drop(go);
    broker.finish();
}

/// The end of a client, by dropping its last handle, in less than the two seconds that are promised and something for the
/// machine.
#[track_caller]
fn drops_in_time(what: &str, client: pmc::Client) {
    let ((), took) = returns(what, move || own_time(|| drop(client)));
    assert!(took < Duration::from_millis(3_500), "{what}: the drop took {took:?}");
}

#[test]
fn drop_has_one_deadline() {
    let real = Mosquitto::start();
    let (client, go) = busy(&real);
    drops_in_time("a callback is busy", client);
    drop(go);

    for looping in [false, true] {
        let broker = ScriptedBroker::run(|peer| {
            peer.accept();
            peer.expect_publish();
            peer.read_to_eof();
        });
        let client = quick();
        client.connect(HOST, broker.port()).expect("accepted");
        if looping {
            client.loop_start().expect("a loop");
        }
        client.publish("t", "x", 1).expect("connected");
        drops_in_time("a message is not confirmed", client);
        broker.finish();
    }
    for queued in [false, true] {
        let (tell, reached) = Probe::pair();
        let broker = ScriptedBroker::run(move |peer| {
            let _ = tell.send(());
            peer.read_to_eof();
        });
        let client = quick();
        client.connect_timeout_set(3_600).expect("a time");
        client.connect_async(HOST, broker.port()).expect("valid");
        if queued {
            client.publish("t", "x", 1).expect("queued");
        }
        client.loop_start().expect("a loop");
        reached.next("the attempt");
        drops_in_time("an attempt to connect is under way", client);
        broker.finish();
    }
}

#[test]
fn drop_while_connect_waits_elsewhere_is_no_end() {
    // The thread in connect holds a handle: the client ends when it gives up.
    let broker = silent();
    let client = quick();
    client.connect_timeout_set(1).expect("a time");
    let (connecting, (tell, outcome)) = (client.clone(), Probe::pair());
    let port = broker.port();
    thread::spawn(move || tell.send(connecting.connect(HOST, port)));
    drops_in_time("another handle is left", client);
    assert!(matches!(outcome.next("the end of connect"), Err(Error::ConnectTimeout { .. })));
    broker.finish();
}

#[test]
fn wait_for_publish_keeps_its_limit_beside_a_busy_callback() {
    let broker = Mosquitto::start();
    let (client, go) = busy(&broker);
    // Confirmed, but its on_publish has to wait for the busy one.
    let info = client.publish("t", "x", 1).expect("connected");
    wait_until("the confirmation", DEADLINE, || info.is_published());
    let outcome = returns("wait_for_publish", move || info.wait_for_publish(0.2));
    assert!(matches!(outcome, Err(Error::Timeout { .. })), "{outcome:?}");
    drop(go);
    client.disconnect().expect("connected");
}
