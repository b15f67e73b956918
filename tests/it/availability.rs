//! `availability`: whether the client is there, for Home Assistant and others.

use rappel as pmc;

use crate::support::client::{HOST, VERSIONS, named, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::proxy::Proxy;
use crate::support::scripted::{Peer, ScriptedBroker, script};
use crate::support::wait::{DEADLINE, Probe, wait_until};

const TOPIC: &str = "serre/etat";

#[track_caller]
fn expect_state(peer: &mut Peer, state: &str) {
    let told = peer.expect_publish();
    assert_eq!((&told.topic[..], &told.payload[..], told.qos, told.retain), (TOPIC, state.as_bytes(), 1, true));
    peer.puback(told.id);
}

#[test]
fn online_at_each_connection_and_offline_before_a_clean_end() {
    for protocol in VERSIONS {
        let (tell, seen) = Probe::pair();
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| {
                let will = peer.accept().will.expect("a will");
                assert_eq!(
                    (&will.topic[..], &will.payload[..], will.qos, will.retain),
                    (TOPIC, &b"offline"[..], 1, true)
                );
                expect_state(peer, "online");
                peer.close();
            }),
            script(move |peer| {
                peer.accept();
                expect_state(peer, "online");
                let _ = tell.send(());
                expect_state(peer, "offline");
                peer.expect_disconnect();
            }),
        ]);
        let client = named("serre", protocol);
        client.availability(TOPIC).expect("a topic");
        assert_eq!(client.will_topic().as_deref(), Some(TOPIC));
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        seen.next("the second connection");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn it_needs_no_loop_and_ends_with_another_will() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            expect_state(peer, "online");
            expect_state(peer, "offline");
            peer.expect_disconnect();
        }),
        script(|peer| {
            assert_eq!(peer.accept().will, None);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    client.availability(TOPIC).expect("a topic");
    assert!(matches!(client.availability("a/#"), Err(pmc::Error::WildcardInTopic { .. })));
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    client.will_clear();
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    broker.finish();
}

/// A lamp for Home Assistant, as its Python twin in docs/from-python.md.
fn lamp(client: &pmc::Client) -> pmc::Result<()> {
    client.availability("lampe/disponible")?;
    client.on_connect(|client, _, _, _, _| {
        client.subscribe("lampe/commande", 1)?;
        Ok(())
    });
    client.message_callback_add("lampe/commande", |client, _, msg| {
        let on = msg.payload == b"ON";
        client.publish("lampe/etat", if on { "ON" } else { "OFF" }, pmc::PublishOptions::new().qos(1).retain(true))?;
        Ok(())
    })
}

#[test]
fn home_assistant_sees_a_lamp_come_and_go_and_switches_it() {
    let broker = Mosquitto::start();
    let proxy = Proxy::to(broker.port());
    let home = quick();
    let (tell, heard) = Probe::pair();
    home.on_message(move |_, _, msg| Ok(tell.send(format!("{} {}", msg.topic, msg.payload_str()))?));
    home.connect(HOST, broker.port()).expect("accepted");
    home.loop_start().expect("a loop");
    home.subscribe_many([("lampe/disponible", 1), ("lampe/etat", 1)]).expect("connected");

    // With an id of its own: the broker tells the loss of the old connection before it accepts the new one.
    let client = named("lampe", pmc::Protocol::V311);
    lamp(&client).expect("valid");
    client.connect(HOST, proxy.port()).expect("accepted");
    client.loop_start().expect("a loop");
    assert_eq!(heard.next("the lamp"), "lampe/disponible online");
    home.publish("lampe/commande", "ON", pmc::PublishOptions::new().qos(1).retain(true)).expect("connected");
    assert_eq!(heard.next("its state"), "lampe/etat ON");
    // Else it would be sent once more.
    wait_until("its confirmation", DEADLINE, || client.unconfirmed_messages() == 0);
    proxy.cut();
    assert_eq!(heard.next("the will"), "lampe/disponible offline");
    assert_eq!(heard.next("the lamp again"), "lampe/disponible online");
    assert_eq!(heard.next("the retained command once more"), "lampe/etat ON");
    client.disconnect().expect("connected");
    assert_eq!(heard.next("the end"), "lampe/disponible offline");
    home.disconnect().expect("connected");
}
