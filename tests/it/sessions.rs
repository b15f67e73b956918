//! Connections that break and come back on a real broker: how soon, with what, and how a broken one is noticed.

use std::time::Duration;

use log::Level;
use rappel as pmc;

use crate::support::client::{HOST, back_at_once, builder_v5, kept, named, quick_v5};
use crate::support::logged::{expect_logged, keep_log};
use crate::support::mosquitto::Mosquitto;
use crate::support::proxy::Proxy;
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe, wait_until};

/// The next `on_connect`, `on_connect_fail` aside.
fn next_connect(told: &Probe<Told>) -> (bool, u8) {
    loop {
        if let Told::Connect { session_present, code, .. } = told.next("on_connect") {
            return (session_present, code);
        }
    }
}

fn next_disconnect(told: &Probe<Told>) -> u8 {
    loop {
        if let Told::Disconnect { code, .. } = told.next("on_disconnect") {
            return code;
        }
    }
}

#[test]
fn the_client_is_back_soon_after_its_broker() {
    let broker = Mosquitto::builder().persistence(true).start();
    let client = kept("faithful", pmc::Protocol::V311);
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    assert_eq!(next_connect(&told), (false, 0));
    for round in 0..5 {
        match round % 2 {
            // Stopped in order, the broker has kept the session; killed, it has forgotten what it did not save.
            0 => broker.term(),
            _ => broker.kill(),
        }
        assert_eq!(next_disconnect(&told), 128);
        broker.restart();
        // An attempt that began before may still fail, and has been told; the next one succeeds.
        let mut seen = told.rest();
        let before = seen.len();
        while !matches!(seen.last(), Some(Told::Connect { .. })) {
            seen.push(told.next("on_connect"));
        }
        assert!(matches!(seen.last(), Some(Told::Connect { session_present: true, code: 0, .. })), "round {round}");
        let attempts = seen[before..].iter().filter(|what| **what == Told::PreConnect).count();
        assert!(attempts <= 1, "{attempts} attempts with the broker there");
    }
    client.disconnect().expect("an orderly end");
}

#[test]
fn a_clean_session_comes_back_without_a_session() {
    let broker = Mosquitto::start();
    let proxy = Proxy::to(broker.port());
    let client = named("forgetful", pmc::Protocol::V311);
    let told = tell_all(&client);
    client.connect(HOST, proxy.port()).expect("a broker");
    client.loop_start().expect("a loop");
    assert_eq!(next_connect(&told), (false, 0));
    client.subscribe("serre/#", 1).expect("asked for");
    while !matches!(told.next("the subscription"), Told::Subscribe { .. }) {}
    for _ in 0..3 {
        proxy.cut();
        assert_eq!(next_disconnect(&told), 128);
        assert_eq!(next_connect(&told), (false, 0));
        // It is subscribed again, and once: the message comes once.
        while !matches!(told.next("the subscription"), Told::Subscribe { .. }) {}
        client.publish("serre/1", "21", 1).expect("accepted").wait_for_publish(DEADLINE).expect("confirmed");
        while !matches!(told.next("the message"), Told::Message { .. }) {}
        client.publish("serre/2", "fin", 1).expect("accepted").wait_for_publish(DEADLINE).expect("confirmed");
        loop {
            if let Told::Message { topic, .. } = told.next("the last message") {
                assert_eq!(topic, "serre/2", "each message once");
                break;
            }
        }
    }
    client.disconnect().expect("an orderly end");
}

#[test]
fn a_refused_resubscription_reaches_on_subscribe() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let first = peer.expect_subscribe();
            peer.suback(first.id, &[1, 1]);
            peer.close();
        }),
        script(|peer| {
            peer.accept();
            let again = peer.expect_subscribe();
            assert_eq!(again.filters.iter().map(|(filter, _)| filter.as_str()).collect::<Vec<_>>(), ["a", "b"]);
            peer.suback(again.id, &[0x87, 1]);
            peer.close();
        }),
        script(|peer| {
            peer.accept();
            // What was refused is not asked for again.
            let again = peer.expect_subscribe();
            assert_eq!(again.filters.iter().map(|(filter, _)| filter.as_str()).collect::<Vec<_>>(), ["b"]);
            peer.suback(again.id, &[1]);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick_v5();
    let (tell, answers) = Probe::pair();
    client.on_subscribe(move |_, _, _, codes, _| {
        let _ = tell.send(codes.iter().map(|code| code.value()).collect::<Vec<_>>());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.subscribe_many([("a", 1), ("b", 1)]).expect("asked for");
    assert_eq!(answers.take(3, "on_subscribe"), [vec![1, 1], vec![0x87, 1], vec![1]]);
    client.disconnect().expect("an orderly end");
    broker.finish();
}

#[test]
fn without_resubscribe_nothing_is_subscribed_again() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let first = peer.expect_subscribe();
            peer.suback(first.id, &[1]);
            peer.close();
        }),
        script(|peer| {
            peer.accept();
            // Subscriptions would be made right after on_connect; both messages follow it, the second one step later.
            for _ in 0..2 {
                let message = peer.expect_publish();
                peer.puback(message.id);
            }
            peer.expect_disconnect();
        }),
    ]);
    let client = back_at_once(builder_v5().resubscribe(false).build().expect("a client"));
    let mut connections = 0;
    client.on_connect(move |client, _, _, _, _| {
        connections += 1;
        if connections == 2 {
            client.publish("t", "first", 1).expect("accepted");
        }
    });
    let (tell, published) = Probe::pair();
    client.on_publish(move |client, _, _, _, _| {
        let _ = tell.send(());
        if published_once(client) {
            client.publish("t", "second", 1).expect("accepted");
        }
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.subscribe("a", 1).expect("asked for");
    published.take(2, "both messages");
    client.disconnect().expect("an orderly end");
    broker.finish();
}

/// Whether this is the first call for a client: its limit of queued messages serves as the mark.
fn published_once(client: &pmc::Client) -> bool {
    let first = client.max_queued_messages() == 0;
    client.max_queued_messages_set(1000);
    first
}

#[test]
fn two_clients_with_one_id_are_explained_on_a_real_broker() {
    keep_log();
    let broker = Mosquitto::start();
    let clients = [named("jumeau-à-deux", pmc::Protocol::V311), named("jumeau-à-deux", pmc::Protocol::V311)];
    let told: Vec<_> = clients.iter().map(tell_all).collect();
    for client in &clients {
        client.connect(HOST, broker.port()).expect("a broker");
        client.loop_start().expect("a loop");
    }
    // Each throws the other out.
    for told in &told {
        for _ in 0..3 {
            assert!(next_disconnect(told) >= 128);
        }
    }
    expect_logged(Level::Error, &["jumeau-à-deux", "another client"]);
}

#[test]
fn a_half_open_connection_is_noticed() {
    let broker = Mosquitto::start();
    let proxy = Proxy::to(broker.port());
    let client = named("cut off", pmc::Protocol::V311);
    let told = tell_all(&client);
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_secs(1));
    client.connect_with(HOST, proxy.port(), options).expect("a broker");
    client.loop_start().expect("a loop");
    next_connect(&told);
    proxy.swallow(true);
    // Still talking does not help: nobody answers.
    let info = client.publish("t", "held back", 1).expect("accepted");
    assert_eq!(next_disconnect(&told), 141);
    proxy.cut();
    proxy.swallow(false);
    info.wait_for_publish(DEADLINE).expect("confirmed over the next connection");
    client.disconnect().expect("an orderly end");
}

#[test]
fn a_frozen_broker_is_noticed_and_found_again() {
    let broker = Mosquitto::start();
    let client = named("patient", pmc::Protocol::V311);
    let told = tell_all(&client);
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_secs(1));
    client.connect_with(HOST, broker.port(), options).expect("a broker");
    client.loop_start().expect("a loop");
    next_connect(&told);
    client.connect_timeout_set(Duration::from_secs(1)).expect("a time");
    broker.stop_signal();
    assert_eq!(next_disconnect(&told), 141);
    // The system takes connections for the broker, which says nothing.
    assert_eq!(told.next("a fruitless attempt"), Told::PreConnect);
    assert_eq!(told.next("a fruitless attempt"), Told::ConnectFail);
    let info = client.publish("t", "kept", 2).expect("queued");
    broker.cont();
    assert_eq!(next_connect(&told).1, 0);
    info.wait_for_publish(DEADLINE).expect("confirmed");
    client.disconnect().expect("an orderly end");
}

#[test]
fn the_keep_alive_of_one_client_is_not_that_of_another() {
    let (tell, pings) = Probe::pair();
    let hurried = ScriptedBroker::run(move |peer| {
        let connect = peer.accept();
        assert_eq!(connect.keepalive, 2);
        for _ in 0..3 {
            peer.expect_pingreq();
            peer.pingresp();
            let _ = tell.send(());
        }
        peer.expect_disconnect();
    });
    let calm = ScriptedBroker::run(|peer| {
        assert_eq!(peer.accept().keepalive, 60);
        // No ping among what it sends while the other pings thrice.
        peer.expect_disconnect();
    });
    let (first, second) = (named("hurried", pmc::Protocol::V311), named("calm", pmc::Protocol::V311));
    let keepalive = |seconds| pmc::ConnectOptions::new().keepalive(Duration::from_secs(seconds));
    first.connect_with(HOST, hurried.port(), keepalive(2)).expect("accepted");
    second.connect_with(HOST, calm.port(), keepalive(60)).expect("accepted");
    pings.take(3, "a ping whenever nothing else is said");
    assert!(first.is_connected() && second.is_connected());
    for client in [first, second] {
        client.disconnect().expect("an orderly end");
    }
    hurried.finish();
    calm.finish();
}

#[test]
fn each_connection_is_told_once() {
    // Ten losses in a row: on_connect and on_disconnect in turn, never two of a kind.
    let broker = Mosquitto::start();
    let proxy = Proxy::to(broker.port());
    let client = named("in turn", pmc::Protocol::V311);
    let told = tell_all(&client);
    client.connect(HOST, proxy.port()).expect("a broker");
    client.loop_start().expect("a loop");
    let mut turns = Vec::new();
    while turns.len() < 20 {
        match told.next("the next turn") {
            Told::Connect { code: 0, .. } => {
                turns.push(true);
                wait_until("the proxy to know the connection", DEADLINE, || proxy.connections() > 0);
                proxy.cut();
            }
            Told::Disconnect { .. } => turns.push(false),
            _ => {}
        }
    }
    assert!(turns.chunks(2).all(|pair| pair == [true, false]), "{turns:?}");
}
