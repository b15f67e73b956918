//! Subscriptions that are wanted come back, and no others.

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, VERSIONS, named, plain};
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Script, ScriptedBroker, script};
use crate::support::wait::{DEADLINE, Probe, wait_until};

/// A connection on which nothing is subscribed: the client says something and leaves.
fn without_subscription() -> Script {
    script(|peer| {
        peer.accept();
        match peer.read_packet() {
            Packet::Publish(marker) => assert_eq!(marker.topic, "marker"),
            other => panic!("the client should only say something, it sent {other:?}"),
        }
        peer.expect_disconnect();
    })
}

/// The client's part of it, behind whatever it does after `on_connect`.
fn say_something(client: &pmc::Client) {
    let (tell, connected) = Probe::pair();
    client.on_connect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect(HOST, client.port()).expect("accepted");
    connected.next("on_connect");
    // One step of the loop later: what it does after on_connect comes before.
    let (tell, passed) = Probe::pair();
    client.on_publish(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.publish("marker", "", 0).expect("connected");
    passed.next("on_publish");
}

#[test]
fn an_unanswered_subscribe_ends_with_disconnect() {
    for protocol in VERSIONS {
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| {
                peer.accept();
                assert_eq!(peer.expect_subscribe().filters.len(), 1);
                peer.expect_unsubscribe();
                peer.expect_disconnect();
            }),
            without_subscription(),
        ]);
        let client = named("ghost", protocol);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        client.subscribe("fantôme", 1).expect("connected");
        client.unsubscribe("autre").expect("connected");
        // Nobody answers; how many messages are unconfirmed does not matter.
        let _ = client.disconnect_with(pmc::DisconnectOptions::new().timeout(0.2));
        say_something(&client);
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn disconnect_forgets_what_was_subscribed() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let subscribe = peer.expect_subscribe();
            peer.suback(subscribe.id, &[1]);
            peer.expect_disconnect();
        }),
        without_subscription(),
    ]);
    let client = named("ghost", pmc::Protocol::V311);
    let (tell, subscribed) = Probe::pair();
    client.on_subscribe(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.subscribe("t", 1).expect("connected");
    subscribed.next("SUBACK");
    client.disconnect().expect("connected");
    say_something(&client);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn disconnect_forgets_what_was_subscribed_also_offline() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let subscribe = peer.expect_subscribe();
            peer.suback(subscribe.id, &[1]);
            // The client has dealt with it.
            assert_eq!(peer.expect_publish().topic, "marker");
            peer.close();
        }),
        without_subscription(),
    ]);
    let client = plain();
    client.reconnect_delay_set(3_600, 3_600).expect("delays");
    client.on_subscribe(|client, _, _, _, _| {
        client.publish("marker", "", 0).expect("connected");
    });
    let (tell, lost) = Probe::pair();
    client.on_disconnect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.subscribe("t", 1).expect("connected");
    lost.next("the loss");
    client.disconnect().expect("a connection is wanted");
    client.on_subscribe_clear();
    say_something(&client);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_subscribe_that_fails_changes_nothing_of_what_stands() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let subscribe = peer.expect_subscribe();
            peer.suback(subscribe.id, &[1]);
            assert_eq!(peer.expect_publish().topic, "marker");
            peer.close();
        }),
        script(|peer| {
            peer.accept();
            let again = peer.expect_subscribe();
            assert_eq!(again.filters, [("t".to_owned(), 1)]);
            peer.suback(again.id, &[1]);
            peer.expect_disconnect();
        }),
    ]);
    let client = named("ghost", pmc::Protocol::V311);
    let mut first = true;
    let (tell, subscribed) = Probe::pair();
    client.on_subscribe(move |client, _, _, codes, _| {
        if std::mem::take(&mut first) {
            client.publish("marker", "", 0).expect("connected");
        }
        let _ = tell.send(codes[0].value());
    });
    client.on_disconnect(|client, _, _, code, _| {
        if code != 0 {
            wait_until("the loss", DEADLINE, || !client.is_connected());
            for options in [0, 2] {
                let failed = client.subscribe("t", options);
                assert!(matches!(failed, Err(Error::NotConnected { .. })), "{failed:?}");
            }
            assert!(matches!(client.unsubscribe("t"), Err(Error::NotConnected { .. })));
        }
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.subscribe("t", 1).expect("connected");
    assert_eq!(subscribed.take(2, "both subscriptions"), [1, 1]);
    client.disconnect().expect("connected");
    broker.finish();
}
