//! The exchanges of QoS 1 and 2, cut after every single packet, with the session kept and lost: the exact packets of
//! the resumption.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use rappel as pmc;

use crate::support::client::{HOST, VERSIONS, kept, kept_options, named};
use crate::support::scripted::packet::{Packet, Publish};
use crate::support::scripted::{Peer, ScriptedBroker, script};
use crate::support::told::{Told, tell_all};
use crate::support::trials::{Chance, rounds};
use crate::support::wait::{DEADLINE, Probe, wait_until};

/// The last packet before the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Publish,
    Pubrec,
    Pubrel,
    Pubcomp,
    Puback,
}

/// Plays an exchange that the client began, up to `last`, and cuts; the packet id.
fn outgoing_up_to(peer: &mut Peer, last: Last) -> u16 {
    let message = peer.expect_publish();
    assert!(!message.dup, "a first PUBLISH is no duplicate");
    match last {
        Last::Publish => {}
        Last::Puback => peer.puback(message.id),
        Last::Pubrec => peer.pubrec(message.id),
        Last::Pubrel | Last::Pubcomp => {
            peer.pubrec(message.id);
            assert_eq!(peer.expect_pubrel().id, message.id);
            if last == Last::Pubcomp {
                peer.pubcomp(message.id);
            }
        }
    }
    peer.close();
    message.id
}

/// Takes a whole exchange.
fn take_whole(peer: &mut Peer, qos: u8, id: u16, dup: bool, topic: &str) {
    let message = peer.expect_publish();
    assert_eq!((message.id, message.qos, message.dup, message.topic.as_str()), (id, qos, dup, topic));
    if qos == 1 {
        return peer.puback(id);
    }
    peer.pubrec(id);
    assert_eq!(peer.expect_pubrel().id, id);
    peer.pubcomp(id);
}

/// Publishes one message, cuts after `last`, and checks what the next connection brings.
fn outgoing(protocol: pmc::Protocol, qos: u8, last: Last, present: bool) {
    let what = format!("{protocol:?} QoS {qos}, cut after {last:?}, session present: {present}");
    println!("{what}");
    let broker = ScriptedBroker::sequence(vec![
        script(move |peer| {
            peer.accept();
            assert_eq!(outgoing_up_to(peer, last), 1);
        }),
        script(move |peer| {
            peer.expect_connect();
            peer.connack(0, present);
            match last {
                Last::Pubcomp | Last::Puback => {}
                Last::Pubrec | Last::Pubrel if present => {
                    assert_eq!(peer.expect_pubrel().id, 1, "the broker has the message already");
                    peer.pubcomp(1);
                }
                // Without a session, MQTT 3.1.1 says DUP as paho-python does.
                _ => take_whole(peer, qos, 1, present || protocol != pmc::Protocol::V5, "mesure"),
            }
            // Nothing else of the first message comes.
            take_whole(peer, 1, 2, false, "fin");
            peer.expect_disconnect();
            peer.expect_eof();
        }),
    ]);
    let client = kept("publisher", protocol);
    let told = tell_all(&client);
    client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("the broker accepts");
    client.loop_start().expect("a loop");
    let info = client.publish("mesure", "21.5", i32::from(qos)).expect("accepted");
    info.wait_for_publish(DEADLINE).expect("confirmed");
    // Behind the loss: with PUBACK and PUBCOMP, the confirmation came before it.
    let mut seen = Vec::new();
    while seen.iter().filter(|what| matches!(what, Told::Connect { .. })).count() < 2 {
        seen.push(told.next("the second connection"));
    }
    let end = client.publish("fin", "", 1).expect("accepted");
    end.wait_for_publish(DEADLINE).expect("confirmed");
    client.disconnect().expect("everything is confirmed");
    seen.extend(told.rest());
    let published: Vec<u16> =
        seen.iter().filter_map(|what| if let Told::Publish { mid, .. } = what { Some(*mid) } else { None }).collect();
    assert_eq!(published, [1, 2], "{what}: on_publish, once each");
    broker.finish();
}

#[test]
fn an_outgoing_exchange_goes_on_where_it_was_cut() {
    for protocol in VERSIONS {
        for present in [true, false] {
            for last in [Last::Publish, Last::Pubrec, Last::Pubrel, Last::Pubcomp] {
                outgoing(protocol, 2, last, present);
            }
            for last in [Last::Publish, Last::Puback] {
                outgoing(protocol, 1, last, present);
            }
        }
    }
}

#[test]
fn several_exchanges_go_on_in_their_order() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            for id in 1..=4 {
                assert_eq!(peer.expect_publish().id, id);
            }
            peer.pubrec(1);
            assert_eq!(peer.expect_pubrel().id, 1);
            peer.pubrec(2);
            assert_eq!(peer.expect_pubrel().id, 2);
            peer.close();
        }),
        script(|peer| {
            peer.expect_connect();
            peer.connack(0, true);
            let (mut released, mut again) = (Vec::new(), Vec::new());
            for _ in 0..5 {
                match peer.read_packet() {
                    Packet::PubRel(ack) => released.push(ack.id),
                    Packet::Publish(message) => again.push((message.id, message.dup)),
                    other => panic!("not part of the resumption: {other:?}"),
                }
            }
            assert_eq!(released, [1, 2]);
            assert_eq!(again, [(3, true), (4, true), (5, false)], "the fifth was accepted without a connection");
            for id in 1..=2 {
                peer.pubcomp(id);
            }
            for id in 3..=5 {
                peer.pubrec(id);
                assert_eq!(peer.expect_pubrel().id, id);
                peer.pubcomp(id);
            }
            peer.expect_disconnect();
        }),
    ]);
    let client = kept("publisher", pmc::Protocol::V311);
    let (tell, fifth) = Probe::pair();
    client.on_disconnect(move |client, _, _, code, _| {
        if code != 0 {
            let _ = tell.send(client.publish("t", 5, 2).expect("queued"));
        }
    });
    client.connect(HOST, broker.port()).expect("the broker accepts");
    client.loop_start().expect("a loop");
    let mut infos: Vec<_> = (1..=4).map(|n| client.publish("t", n, 2).expect("accepted")).collect();
    infos.push(fifth.next("the loss"));
    for info in infos {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("everything is confirmed");
    broker.finish();
}

#[test]
fn a_refused_exchange_is_over() {
    // MQTT 5: PUBREC with a failure ends the exchange, the packet id is free, nothing is sent again.
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let message = peer.expect_publish();
            peer.ack_v5(0x50, message.id, 0x97, &[]);
            take_whole(peer, 1, 2, false, "fin");
            peer.close();
        }),
        script(|peer| {
            peer.expect_connect();
            peer.connack(0, true);
            take_whole(peer, 1, 3, false, "fin");
            peer.expect_disconnect();
        }),
    ]);
    let client = kept("publisher", pmc::Protocol::V5);
    let told = tell_all(&client);
    client.connect_with(HOST, broker.port(), kept_options(pmc::Protocol::V5)).expect("the broker accepts");
    client.loop_start().expect("a loop");
    let refused = client.publish("t", "", 2).expect("accepted").wait_for_publish(DEADLINE);
    assert!(matches!(refused, Err(pmc::Error::PublishRefused { .. })), "{refused:?}");
    client.publish("fin", "", 1).expect("accepted").wait_for_publish(DEADLINE).expect("confirmed");
    while !matches!(told.next("the loss"), Told::Disconnect { .. }) {}
    client.publish("fin", "", 1).expect("accepted").wait_for_publish(DEADLINE).expect("confirmed");
    client.disconnect().expect("everything is confirmed");
    broker.finish();
}

/// A message of QoS 2 from the broker, under packet id 7.
fn send(peer: &mut Peer, payload: &str, dup: bool) {
    let (topic, payload) = ("ordre".to_owned(), payload.as_bytes().to_vec());
    peer.send_publish(&Publish { topic, payload, qos: 2, id: 7, dup, ..Publish::default() });
}

/// The rest of the exchange, from PUBREC on.
fn end_exchange(peer: &mut Peer) {
    assert_eq!(peer.expect_pubrec().id, 7);
    peer.pubrel(7);
    assert_eq!(peer.expect_pubcomp().id, 7);
}

/// Sends "un" under id 7 with a cut after `last`, goes on as the standard says, then sends "deux" under the same id.
fn incoming(protocol: pmc::Protocol, last: Last, whole: bool, present: bool) {
    println!("{protocol:?}, cut after {last:?} (whole: {whole}), session present: {present}");
    let (done, finished) = Probe::pair();
    let broker = ScriptedBroker::sequence(vec![
        script(move |peer| {
            peer.accept();
            match last {
                Last::Publish if whole => send(peer, "un", false),
                Last::Publish => peer.send_raw(&[0x34, 20, 0, 5, b'o', b'r', b'd', b'r', b'e', 0, 7, b'x']),
                _ => {
                    send(peer, "un", false);
                    assert_eq!(peer.expect_pubrec().id, 7);
                    if last != Last::Pubrec {
                        peer.pubrel(7);
                    }
                    if last == Last::Pubcomp {
                        assert_eq!(peer.expect_pubcomp().id, 7);
                    }
                }
            }
            peer.close();
        }),
        script(move |peer| {
            peer.expect_connect();
            peer.connack(0, present);
            match last {
                _ if !present => {}
                Last::Publish | Last::Pubrec => {
                    send(peer, "un", true);
                    end_exchange(peer);
                }
                Last::Pubrel => {
                    peer.pubrel(7);
                    assert_eq!(peer.expect_pubcomp().id, 7);
                }
                _ => {}
            }
            send(peer, "deux", false);
            end_exchange(peer);
            let _ = done.send(());
            peer.expect_disconnect();
        }),
    ]);
    let client = kept("receiver", protocol);
    let told = tell_all(&client);
    client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("the broker accepts");
    client.loop_start().expect("a loop");
    let mut received = Vec::new();
    while received.last().is_none_or(|last| last != "deux") {
        if let Told::Message { payload, .. } = told.next("the second message") {
            received.push(String::from_utf8_lossy(&payload).into_owned());
        }
    }
    // What the broker never sent whole, and never again, cannot arrive.
    let expected = if whole || present { &["un", "deux"][..] } else { &["deux"] };
    assert_eq!(received, expected, "each once");
    finished.next("the end of the exchange");
    client.disconnect().expect("an orderly end");
    broker.finish();
}

#[test]
fn an_incoming_message_is_delivered_once_wherever_it_was_cut() {
    for protocol in VERSIONS {
        for present in [true, false] {
            incoming(protocol, Last::Publish, false, present);
            for last in [Last::Publish, Last::Pubrec, Last::Pubrel, Last::Pubcomp] {
                incoming(protocol, last, true, present);
            }
        }
    }
}

#[test]
fn a_repetition_within_a_connection_is_not_delivered() {
    let (done, finished) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        send(peer, "un", false);
        assert_eq!(peer.expect_pubrec().id, 7);
        send(peer, "un", true);
        end_exchange(peer);
        // Released twice: answered, as the standard asks.
        peer.pubrel(7);
        assert_eq!(peer.expect_pubcomp().id, 7);
        send(peer, "deux", false);
        end_exchange(peer);
        let _ = done.send(());
        peer.expect_disconnect();
    });
    let client = named("receiver", pmc::Protocol::V311);
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("the broker accepts");
    client.loop_start().expect("a loop");
    let mut received = Vec::new();
    while received.len() < 2 {
        if let Told::Message { payload, .. } = told.next("two messages") {
            received.push(payload);
        }
    }
    assert_eq!(received, [b"un".to_vec(), b"deux".to_vec()]);
    finished.next("the end of the exchange");
    client.disconnect().expect("an orderly end");
    broker.finish();
}

/// A broker's side of many deliveries of QoS 2: what it must send again after each cut.
struct Deliveries {
    total: u16,
    next: u16,
    /// Sent and not answered: the number, and whether PUBREC has come. The packet id is the number modulo 100.
    flying: VecDeque<(u16, bool)>,
    chance: Chance,
}

impl Deliveries {
    fn id(number: u16) -> u16 {
        number % 100 + 1
    }

    fn message(number: u16, dup: bool) -> Publish {
        let (topic, payload) = ("ordre".to_owned(), number.to_string().into_bytes());
        Publish { topic, payload, qos: 2, id: Self::id(number), dup, ..Publish::default() }
    }

    /// Resumes, then goes on for a random while, and cuts wherever it stands; all of it when `to_the_end`.
    fn play(&mut self, peer: &mut Peer, to_the_end: bool) {
        let mut left = 1 + self.chance.below(120);
        peer.expect_connect();
        peer.connack(0, self.next > 0);
        for &(number, received) in &self.flying {
            match received {
                true => peer.pubrel(Self::id(number)),
                false => peer.send_publish(&Self::message(number, true)),
            }
            left = left.saturating_sub(1);
            if left == 0 && !to_the_end {
                return peer.close();
            }
        }
        while left > 0 || to_the_end {
            left = left.saturating_sub(1);
            if self.flying.len() < 20 && self.next < self.total && self.chance.below(2) == 0 {
                peer.send_publish(&Self::message(self.next, false));
                self.flying.push_back((self.next, false));
                self.next += 1;
                continue;
            }
            if self.flying.is_empty() {
                if self.next == self.total {
                    return;
                }
                continue;
            }
            match peer.read_packet() {
                Packet::PubRec(ack) => {
                    let flying = self.flying.iter_mut().find(|(number, _)| Self::id(*number) == ack.id);
                    flying.expect("an answer to what flies").1 = true;
                    peer.pubrel(ack.id);
                }
                Packet::PubComp(ack) => self.flying.retain(|(number, _)| Self::id(*number) != ack.id),
                other => panic!("not an answer to a delivery: {other:?}"),
            }
        }
        match self.chance.below(3) {
            0 => peer.reset(),
            _ => peer.close(),
        }
    }
}

#[test]
fn deliveries_cut_at_random_arrive_once_and_in_order() {
    let (cuts, total) = (rounds(40, 400), rounds(1_000, 20_000) as u16);
    let deliveries = Deliveries { total, next: 0, flying: VecDeque::new(), chance: Chance::new(5) };
    let deliveries = Arc::new(Mutex::new(deliveries));
    let scripts = (0..=cuts).map(|number| {
        let deliveries = Arc::clone(&deliveries);
        script(move |peer| {
            deliveries.lock().expect("no panic").play(peer, number == cuts);
            if number == cuts {
                peer.expect_disconnect();
            }
        })
    });
    let broker = ScriptedBroker::sequence(scripts.collect());
    let client = kept("receiver", pmc::Protocol::V311);
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| {
        let _ = tell.send(message.payload_str().into_owned());
    });
    client.connect(HOST, broker.port()).expect("the broker accepts");
    client.loop_start().expect("a loop");
    for number in 0..total {
        assert_eq!(heard.next(&format!("message {number}")), number.to_string(), "once, and in order");
    }
    wait_until("the end of all exchanges", DEADLINE, || {
        let deliveries = deliveries.try_lock();
        deliveries.is_ok_and(|it| it.next == it.total && it.flying.is_empty())
    });
    client.disconnect().expect("an orderly end");
    broker.finish();
    heard.is_drained("once each");
}
