//! When a received message is answered: once its callbacks have returned, in the order of the wire, and never twice.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rappel as pmc;

use crate::support::client::{HOST, VERSIONS, kept, kept_options, named, quick, quick_v5};
use crate::support::guarded::Guarded;
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::packet::{Packet, Publish};
use crate::support::scripted::{Peer, ScriptedBroker, property, script};
use crate::support::wait::{DEADLINE, Probe, wait_until};

/// Has `on_message` tell each payload and then wait for a permit; with the sender gone, it waits no more.
fn gated(client: &pmc::Client) -> (Probe<String>, Sender<()>) {
    let (tell, begun) = Probe::pair();
    let (permit, permits) = channel::<()>();
    client.on_message(move |_, _, message| gate(&tell, &permits, message));
    (begun, permit)
}

fn gate(tell: &Sender<String>, permits: &Receiver<()>, message: &pmc::Message) {
    let _ = tell.send(message.payload_str().into_owned());
    let _ = permits.recv_timeout(3 * DEADLINE);
}

/// A message under `id`, as if for the first time or again.
fn deliver(peer: &mut Peer, payload: &str, qos: u8, id: u16, dup: bool) {
    let (topic, payload) = ("t".to_owned(), payload.as_bytes().to_vec());
    peer.send_publish(&Publish { topic, payload, qos, id, dup, ..Publish::default() });
}

/// Ends the exchange of `id` after PUBREC.
fn release(peer: &mut Peer, id: u16) {
    peer.pubrel(id);
    assert_eq!(peer.expect_pubcomp().id, id);
}

/// Takes the client's message "after" and confirms it: the client has then dealt with all that was sent before.
fn confirm_after(peer: &mut Peer) {
    let after = peer.expect_publish();
    assert_eq!((after.topic.as_str(), after.qos), ("after", 1), "nothing was due before it");
    peer.puback(after.id);
}

/// The other side of [`confirm_after`]. Nobody runs callbacks for it: they are busy.
#[track_caller]
fn publish_after(client: &pmc::Client) {
    let info = client.publish("after", "", 1).expect("connected");
    wait_until("the confirmation", DEADLINE, || info.is_published());
}

#[test]
fn answers_follow_their_callbacks_in_order() {
    for protocol in VERSIONS {
        let (tell, seen) = Probe::pair();
        let (done, answered) = Probe::pair();
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            for (payload, qos, id) in [("1", 1, 11), ("2", 2, 12), ("3", 1, 13)] {
                deliver(peer, payload, qos, id, false);
            }
            // Each marker is published while a callback is busy; what answers the one before may come before or after.
            assert_eq!(peer.expect_publish().topic, "marker");
            let _ = tell.send(());
            for answer in [11, 12] {
                let mut both = [peer.read_packet(), peer.read_packet()];
                both.sort_by_key(|packet| matches!(packet, Packet::Publish(_)));
                match &both {
                    [Packet::PubAck(ack), Packet::Publish(_)] if answer == 11 => assert_eq!(ack.id, 11),
                    [Packet::PubRec(ack), Packet::Publish(_)] if answer == 12 => assert_eq!(ack.id, 12),
                    other => panic!("the answer to {answer} and a marker were due: {other:?}"),
                }
                let _ = tell.send(());
            }
            assert_eq!(peer.expect_puback().id, 13);
            release(peer, 12);
            let _ = done.send(());
            peer.expect_disconnect();
        });
        let client = named("ordered", protocol);
        let (begun, permit) = gated(&client);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        for payload in ["1", "2", "3"] {
            assert_eq!(begun.next("a callback"), payload);
            client.publish("marker", "", 0).expect("connected");
            seen.next("the marker at the broker");
            permit.send(()).expect("the callback waits");
        }
        answered.next("all answers");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn an_answer_waits_for_every_callback_of_its_message() {
    let (tell, seen) = Probe::pair();
    let (done, answered) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        deliver(peer, "x", 1, 5, false);
        for _ in 0..2 {
            assert_eq!(peer.expect_publish().topic, "marker");
            let _ = tell.send(());
        }
        assert_eq!(peer.expect_puback().id, 5);
        let _ = done.send(());
        peer.expect_disconnect();
    });
    let client = quick();
    let (permit, permits) = channel::<()>();
    let (told, begun) = Probe::pair();
    let first = told.clone();
    client
        .message_callback_add("t", move |_, _, message| drop((first.send("first"), message.payload_str())))
        .expect("valid");
    client
        .message_callback_add("#", move |_, _, _| {
            for name in ["second", "still busy"] {
                let _ = told.send(name);
                let _ = permits.recv_timeout(3 * DEADLINE);
            }
        })
        .expect("valid");
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    assert_eq!(begun.next("the first callback"), "first");
    for name in ["second", "still busy"] {
        assert_eq!(begun.next("the second callback"), name);
        client.publish("marker", "", 0).expect("connected");
        seen.next("the marker at the broker");
        permit.send(()).expect("the callback waits");
    }
    answered.next("all answers");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_callback_that_panics_has_returned() {
    for protocol in VERSIONS {
        let (done, answered) = Probe::pair();
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            deliver(peer, "one", 1, 1, false);
            deliver(peer, "two", 2, 2, false);
            assert_eq!(peer.expect_puback().id, 1);
            assert_eq!(peer.expect_pubrec().id, 2);
            release(peer, 2);
            deliver(peer, "three", 1, 3, false);
            assert_eq!(peer.expect_puback().id, 3);
            let _ = done.send(());
            peer.expect_disconnect();
        });
        let client = named("panicking", protocol);
        let (tell, heard) = Probe::pair();
        client.on_message(move |_, _, message| {
            let _ = tell.send(message.payload_str().into_owned());
            panic!("on_message of the test");
        });
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        assert_eq!(heard.take(3, "all messages, once"), ["one", "two", "three"]);
        answered.next("all answers");
        client.disconnect().expect("connected");
        broker.finish();
        heard.is_drained("once each");
    }
}

#[test]
fn what_no_callback_takes_is_answered_by_the_loop() {
    let (done, answered) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        deliver(peer, "x", 1, 5, false);
        deliver(peer, "y", 2, 6, false);
        confirm_after(peer);
        // Nothing is answered while no loop runs.
        assert_eq!(peer.expect_publish().topic, "marker");
        assert_eq!(peer.expect_puback().id, 5);
        assert_eq!(peer.expect_pubrec().id, 6);
        release(peer, 6);
        let _ = done.send(());
        peer.expect_disconnect();
    });
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    publish_after(&client);
    let marker = client.publish("marker", "", 0).expect("connected");
    wait_until("the marker to be written", DEADLINE, || marker.is_published());
    client.loop_start().expect("a loop");
    answered.next("all answers");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_duplicate_of_a_message_still_held_is_the_same_message() {
    for (protocol, qos) in VERSIONS.into_iter().flat_map(|protocol| [(protocol, 1), (protocol, 2)]) {
        let (go, wait) = channel::<()>();
        let (done, answered) = Probe::pair();
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            deliver(peer, "once", qos, 5, false);
            let _ = wait.recv_timeout(DEADLINE);
            deliver(peer, "once", qos, 5, true);
            confirm_after(peer);
            match qos {
                1 => assert_eq!(peer.expect_puback().id, 5),
                _ => {
                    assert_eq!(peer.expect_pubrec().id, 5);
                    release(peer, 5);
                }
            }
            // Answered once.
            deliver(peer, "next", 1, 6, false);
            assert_eq!(peer.expect_puback().id, 6);
            let _ = done.send(());
            peer.expect_disconnect();
        });
        let client = named("twice", protocol);
        let (begun, permit) = gated(&client);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        assert_eq!(begun.next("the callback"), "once");
        go.send(()).expect("the script waits");
        publish_after(&client);
        drop(permit);
        assert_eq!(begun.next("the next message"), "next", "{protocol:?}, QoS {qos}: delivered once");
        answered.next("all answers");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn a_duplicate_after_a_reconnection_is_answered_once_handled() {
    for (protocol, qos) in VERSIONS.into_iter().flat_map(|protocol| [(protocol, 1), (protocol, 2)]) {
        let (done, answered) = Probe::pair();
        let broker = ScriptedBroker::sequence(vec![
            script(move |peer| {
                peer.accept();
                deliver(peer, "once", qos, 5, false);
                peer.expect_eof();
            }),
            script(move |peer| {
                peer.expect_connect();
                peer.connack(0, true);
                deliver(peer, "once", qos, 5, true);
                confirm_after(peer);
                match qos {
                    1 => assert_eq!(peer.expect_puback().id, 5),
                    _ => {
                        assert_eq!(peer.expect_pubrec().id, 5);
                        release(peer, 5);
                    }
                }
                deliver(peer, "next", 1, 6, false);
                assert_eq!(peer.expect_puback().id, 6);
                let _ = done.send(());
                peer.expect_disconnect();
            }),
        ]);
        let client = kept("twice", protocol);
        let (begun, permit) = gated(&client);
        client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        assert_eq!(begun.next("the callback"), "once");
        // The callback is busy all the while.
        client.reconnect().expect("accepted again");
        publish_after(&client);
        drop(permit);
        assert_eq!(begun.next("the next message"), "next", "{protocol:?}, QoS {qos}: delivered once");
        answered.next("all answers");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn another_message_under_the_id_of_one_still_held_is_delivered() {
    // NATS keeps a session over its nodes, but not its packet ids.
    let repetitions = [(1, true), (2, false), (2, true)];
    for (protocol, (qos, dup)) in VERSIONS.into_iter().flat_map(|protocol| repetitions.map(|how| (protocol, how))) {
        let (done, answered) = Probe::pair();
        let broker = ScriptedBroker::sequence(vec![
            script(move |peer| {
                peer.accept();
                deliver(peer, "held", qos, 1, false);
                deliver(peer, "queued", qos, 2, false);
                // Both have come.
                confirm_after(peer);
                peer.expect_eof();
            }),
            script(move |peer| {
                peer.expect_connect();
                peer.connack(0, true);
                deliver(peer, "other", qos, 1, dup);
                deliver(peer, "queued", qos, 2, true);
                confirm_after(peer);
                for id in [2, 1] {
                    match qos {
                        1 => assert_eq!(peer.expect_puback().id, id),
                        _ => assert_eq!(peer.expect_pubrec().id, id),
                    }
                }
                if qos == 2 {
                    release(peer, 2);
                    release(peer, 1);
                }
                let _ = done.send(());
                peer.expect_disconnect();
            }),
        ]);
        let client = kept("numbered-anew", protocol);
        let (begun, permit) = gated(&client);
        client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        assert_eq!(begun.next("the callback"), "held");
        publish_after(&client);
        // The callback is busy all the while.
        client.reconnect().expect("accepted again");
        publish_after(&client);
        drop(permit);
        let rest = begun.take(2, "the other messages");
        assert_eq!(rest, ["queued", "other"], "{protocol:?}, QoS {qos}, DUP {dup}: once each");
        answered.next("both answers");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn what_was_handled_offline_is_not_delivered_again() {
    // QoS 2: the broker could not be answered, and sends the message again.
    for protocol in VERSIONS {
        let (done, answered) = Probe::pair();
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| {
                peer.accept();
                deliver(peer, "once", 2, 5, false);
                peer.close();
            }),
            script(move |peer| {
                peer.expect_connect();
                peer.connack(0, true);
                deliver(peer, "once", 2, 5, true);
                assert_eq!(peer.expect_pubrec().id, 5);
                release(peer, 5);
                deliver(peer, "next", 1, 6, false);
                assert_eq!(peer.expect_puback().id, 6);
                let _ = done.send(());
                peer.expect_disconnect();
            }),
        ]);
        let client = kept("offline", protocol);
        let (tell, heard) = Probe::pair();
        client.on_message(move |client, _, message| {
            let _ = tell.send(message.payload_str().into_owned());
            if message.payload == b"once" {
                wait_until("the loss", DEADLINE, || !client.is_connected());
            }
        });
        client.connect_with(HOST, broker.port(), kept_options(protocol)).expect("accepted");
        client.loop_start().expect("a loop");
        assert_eq!(heard.take(2, "both messages"), ["once", "next"], "{protocol:?}: once each");
        answered.next("all answers");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn an_answer_of_an_earlier_session_is_not_given_in_a_later_one() {
    for protocol in VERSIONS {
        let (tell, seen) = Probe::pair();
        let (done, answered) = Probe::pair();
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| {
                peer.accept();
                deliver(peer, "old", 1, 5, false);
                peer.expect_eof();
            }),
            script(move |peer| {
                peer.accept();
                // Another message, under the same id by chance.
                deliver(peer, "new", 1, 5, false);
                confirm_after(peer);
                assert_eq!(peer.expect_publish().topic, "marker", "the answer to the old one answers the new one");
                let _ = tell.send(());
                assert_eq!(peer.expect_puback().id, 5);
                let _ = done.send(());
                peer.expect_disconnect();
            }),
        ]);
        let client = named("chance", protocol);
        let (begun, permit) = gated(&client);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        assert_eq!(begun.next("the old one's callback"), "old");
        client.reconnect().expect("accepted again");
        publish_after(&client);
        permit.send(()).expect("the callback waits");
        assert_eq!(begun.next("the new one's callback"), "new");
        client.publish("marker", "", 0).expect("connected");
        seen.next("the marker at the broker");
        drop(permit);
        answered.next("all answers");
        client.disconnect().expect("connected");
        broker.finish();
    }
}

#[test]
fn our_receive_maximum_is_enforced() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            assert!(property::split(&peer.accept().properties).contains(&property::two_bytes(0x21, 2)));
            // QoS 0 does not count; a message sent again is the same message.
            peer.publish("t", "zero", 0, 0);
            deliver(peer, "1", 1, 1, false);
            deliver(peer, "2", 2, 2, false);
            deliver(peer, "2", 2, 2, true);
            confirm_after(peer);
            deliver(peer, "3", 1, 3, false);
            assert_eq!(peer.expect_disconnect().code, 0x93);
            peer.expect_eof();
        }),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let client = quick_v5();
    let (begun, permit) = gated(&client);
    let (tell, lost) = Probe::pair();
    client.on_disconnect(move |_, _, _, code, _| {
        let _ = tell.send(code.value());
    });
    let (tell, connected) = Probe::pair();
    client.on_connect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    let options = pmc::ConnectOptions::new().properties(pmc::Properties::new().with_receive_maximum(2));
    client.connect_with(HOST, broker.port(), options).expect("accepted");
    client.loop_start().expect("a loop");
    connected.next("the connection");
    assert_eq!(begun.next("the callback of the first"), "zero");
    publish_after(&client);
    wait_until("the end of the connection", DEADLINE, || !client.is_connected());
    drop(permit);
    assert!(lost.next("on_disconnect") >= 128);
    connected.next("the next connection");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn the_number_and_the_mark_of_a_repetition_reach_the_callback() {
    let (done, answered) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        deliver(peer, "first", 1, 17, false);
        assert_eq!(peer.expect_puback().id, 17);
        deliver(peer, "again", 1, 17, true);
        assert_eq!(peer.expect_puback().id, 17);
        peer.publish("t", "zero", 0, 0);
        let _ = done.send(());
        peer.expect_disconnect();
    });
    let client = quick();
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| {
        let _ = tell.send((message.mid, message.dup));
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    assert_eq!(heard.take(3, "the messages"), [(17, false), (17, true), (0, false)]);
    answered.next("all answers");
    client.disconnect().expect("connected");
    broker.finish();
}

/// How many messages there are, and how many a program has handled when it is killed.
const MESSAGES: usize = 64;
const HANDLED: usize = 20;

#[test]
fn what_a_killed_program_had_not_handled_comes_again() {
    for qos in [1, 2] {
        killed_while_busy(qos);
    }
}

fn killed_while_busy(qos: u8) {
    // All of them may be under way at a time.
    let broker = Mosquitto::builder().extra_config("max_inflight_messages 100").start();
    let program = env::current_exe().expect("the path of this test");
    let arguments = ["acknowledging::a_program_with_a_slow_callback", "--exact", "--ignored", "--nocapture"];
    let mut child = Guarded::spawn(&program, arguments, |command| {
        command.env("PORT", broker.port().to_string()).env("QOS", qos.to_string());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
    });
    let (tell, printed) = Probe::pair();
    let stdout = BufReader::new(child.take_stdout().expect("piped"));
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    while printed.next("the subscription") != "subscribed" {}

    let publisher = quick();
    publisher.connect(HOST, broker.port()).expect("a broker");
    let infos: Vec<_> = (0..MESSAGES).map(|number| publisher.publish("t", number, qos).expect("connected")).collect();
    for info in infos {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    while printed.next("the slow callback") != format!("begun {HANDLED}") {}
    // What was handled, the broker knows of; of QoS 2, its exchanges are over.
    let answer = format!("Received {} from slow ", if qos == 1 { "PUBACK" } else { "PUBCOMP" });
    wait_until("the answers to what was handled", DEADLINE, || broker.log().matches(&answer).count() >= HANDLED);
    child.kill();

    let again = kept("slow", pmc::Protocol::V311);
    let (tell, heard) = Probe::pair();
    again.on_message(move |_, _, message| drop(tell.send(message.payload_str().into_owned())));
    again.connect(HOST, broker.port()).expect("a broker");
    again.loop_start().expect("a loop");
    publisher.publish("t", "end", qos).expect("connected");
    let mut came = Vec::new();
    loop {
        match heard.next("what was not handled").as_str() {
            "end" => break,
            number => came.push(number.parse::<usize>().expect("a number")),
        }
    }
    assert_eq!(came, (HANDLED..MESSAGES).collect::<Vec<_>>(), "QoS {qos}: what was not handled, and nothing else");
    again.disconnect().expect("connected");
}

#[test]
#[ignore = "the program that what_a_killed_program_had_not_handled_comes_again kills"]
fn a_program_with_a_slow_callback() {
    let port = env::var("PORT").expect("PORT").parse().expect("a port");
    let qos: u8 = env::var("QOS").expect("QOS").parse().expect("a QoS");
    let client = kept("slow", pmc::Protocol::V311);
    let mut number = 0;
    client.on_message(move |_, _, _| {
        println!("\nbegun {number}");
        if number == HANDLED {
            // Until it is killed.
            thread::sleep(Duration::from_secs(3_600));
        }
        number += 1;
    });
    client.on_subscribe(|_, _, _, _, _| println!("\nsubscribed"));
    client.connect(HOST, port).expect("a broker");
    client.subscribe("t", qos).expect("connected");
    client.loop_forever().expect("killed before");
}
