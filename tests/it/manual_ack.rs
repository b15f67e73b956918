//! Acknowledging by hand: in any order from any thread, and on the wire in the order of the messages.

use std::thread;

use rappel as pmc;

use crate::support::client::{HOST, VERSIONS, back_at_once, builder, kept, kept_options};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::packet::Publish;
use crate::support::scripted::{Peer, ScriptedBroker, script};
use crate::support::wait::{Probe, returns};

fn deliver(peer: &mut Peer, payload: &str, qos: u8, id: u16, dup: bool) {
    let (topic, payload) = ("t".to_owned(), payload.as_bytes().to_vec());
    peer.send_publish(&Publish { topic, payload, qos, id, dup, ..Publish::default() });
}

/// What the client has to send before this has gone out.
#[track_caller]
fn confirm_marker(peer: &mut Peer) {
    let marker = peer.expect_publish();
    assert_eq!(marker.topic, "marker", "nothing was due before it");
    peer.puback(marker.id);
}

#[track_caller]
fn marker(client: &pmc::Client) {
    client.publish("marker", "", 1).expect("connected").wait_for_publish(60).expect("confirmed");
}

/// A client that acknowledges itself, and the messages that its callback has seen.
fn manual(client: pmc::Client) -> (pmc::Client, Probe<pmc::Message>) {
    let (tell, heard) = Probe::pair();
    client.manual_ack_set(true);
    client.on_message(move |_, _, message| Ok(tell.send(message.clone())?));
    (client, heard)
}

#[track_caller]
fn assert_not_awaited(result: pmc::Result<()>) {
    assert!(matches!(result, Err(pmc::Error::NotAwaitingAck { .. })), "{result:?}");
}

#[test]
fn answers_keep_the_order_of_the_messages_whatever_order_they_are_given_in() {
    for protocol in VERSIONS {
        let (tell, answered) = Probe::pair();
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            for (payload, qos, id) in [("0", 0, 0), ("1", 1, 11), ("2", 2, 12), ("3", 1, 13)] {
                deliver(peer, payload, qos, id, false);
            }
            confirm_marker(peer);
            confirm_marker(peer);
            assert_eq!(peer.expect_puback().id, 11);
            assert_eq!(peer.expect_pubrec().id, 12);
            assert_eq!(peer.expect_puback().id, 13);
            peer.pubrel(12);
            assert_eq!(peer.expect_pubcomp().id, 12);
            let _ = tell.send(());
            peer.expect_disconnect();
        });
        let client = back_at_once(builder().client_id("manual").protocol(protocol).build().expect("a client"));
        let (client, heard) = manual(client);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        let messages = heard.take(4, "a message");
        client.ack(messages[0].mid, messages[0].qos).expect("nothing to answer at QoS 0");
        marker(&client);
        let other = client.clone();
        thread::spawn(move || other.ack(13, 1).expect("it waits")).join().expect("no panic");
        assert_not_awaited(client.ack(13, 1));
        assert_not_awaited(client.ack(12, 1));
        assert!(matches!(client.ack(12, 3), Err(pmc::Error::InvalidQos { qos: 3 })));
        marker(&client);
        client.ack_message(&messages[1]).expect("it waits");
        client.ack(messages[2].mid, messages[2].qos).expect("it waits");
        answered.next("the last answer");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn what_is_not_acknowledged_comes_again_in_a_session_that_is_there() {
    for protocol in VERSIONS {
        let (tell, answered) = Probe::pair();
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| {
                peer.accept();
                deliver(peer, "one", 1, 5, false);
                deliver(peer, "two", 2, 6, false);
                confirm_marker(peer);
                peer.close();
            }),
            script(move |peer| {
                peer.expect_connect();
                peer.connack(0, true);
                deliver(peer, "one", 1, 5, true);
                deliver(peer, "two", 2, 6, true);
                let answers = [peer.read_packet(), peer.read_packet()];
                let _ = tell.send(format!("{answers:?}"));
                peer.expect_disconnect();
            }),
        ]);
        let (client, heard) = manual(kept("manual", protocol));
        client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        let first = heard.take(2, "a message");
        marker(&client);
        let again = heard.next("the message of QoS 1 once more");
        assert_eq!((&again.payload[..], again.mid, again.dup), (&b"one"[..], 5, true));
        assert_not_awaited(client.ack_message(&first[0]));
        client.ack(5, 1).expect("it waits again");
        client.ack_message(&first[1]).expect("it still waits");
        let answers = answered.next("the answers");
        assert!(answers.contains("PubAck(Ack { id: 5") && answers.contains("PubRec(Ack { id: 6"), "{answers}");
        heard.is_drained("QoS 2 is delivered once");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn a_message_of_a_session_that_is_gone_is_not_taken_for_another_with_its_id() {
    let (tell, seen) = Probe::pair();
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            deliver(peer, "old", 1, 1, false);
            confirm_marker(peer);
            peer.close();
        }),
        script(move |peer| {
            peer.accept();
            deliver(peer, "new", 1, 1, false);
            confirm_marker(peer);
            assert_eq!(peer.expect_puback().id, 1);
            let _ = tell.send(());
            peer.expect_disconnect();
        }),
    ]);
    let (client, heard) = manual(back_at_once(builder().build().expect("a client")));
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    let old = heard.next("the old message");
    marker(&client);
    let new = heard.next("the new message");
    assert_eq!((old.mid, new.mid, &new.payload[..]), (1, 1, &b"new"[..]));
    assert_not_awaited(client.ack_message(&old));
    marker(&client);
    client.ack(1, 1).expect("the new one waits");
    seen.next("its answer");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_broker_whose_window_is_full_goes_on_with_the_acknowledgements() {
    const COUNT: usize = 30;
    let broker = Mosquitto::builder().extra_config("max_inflight_messages 2").start();
    let client = back_at_once(builder().client_id("slow").build().expect("a client"));
    let (client, heard) = manual(client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.subscribe("work", 1).expect("connected");
    for number in 0..COUNT {
        // Confirmed although nothing that was received is acknowledged.
        client.publish("work", number, 1).expect("connected").wait_for_publish(60).expect("confirmed");
    }
    for number in (0..COUNT).step_by(2) {
        let both = heard.take(2, "a message");
        let payloads: Vec<_> = both.iter().map(|message| message.payload_str().into_owned()).collect();
        assert_eq!(payloads, [number.to_string(), (number + 1).to_string()]);
        client.ack_message(&both[1]).expect("it waits");
        client.ack_message(&both[0]).expect("it waits");
    }
    client.disconnect().expect("connected");
}

#[test]
fn disconnect_waits_for_no_acknowledgement_and_what_nobody_takes_is_acknowledged() {
    let (tell, answered) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        deliver(peer, "nobody's", 1, 1, false);
        assert_eq!(peer.expect_puback().id, 1);
        let _ = tell.send(());
        confirm_marker(peer);
        deliver(peer, "mine", 1, 2, false);
        peer.expect_disconnect();
    });
    let client = back_at_once(builder().manual_ack(true).build().expect("a client"));
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    answered.next("its answer");
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| Ok(tell.send(message.mid)?));
    marker(&client);
    assert_eq!(heard.next("the message"), 2);
    let all_day = pmc::DisconnectOptions::new().timeout(86_400);
    returns("a disconnect that could wait all day", move || client.disconnect_with(all_day)).expect("connected");
    broker.finish();
}
