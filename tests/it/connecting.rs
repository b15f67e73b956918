//! Connecting, being refused, being lost, coming back, and going in order.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, back_at_once, builder, kept, plain, quick, quick_v5};
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::scripted::packet::{Disconnect, Packet, Will};
use crate::support::scripted::{ScriptedBroker, property, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe, returns};

/// `loop_forever` on a thread, and what it returns.
fn forever(client: &pmc::Client, options: pmc::LoopOptions) -> Probe<pmc::Result<()>> {
    let (tell, ended) = Probe::pair();
    let client = client.clone();
    thread::spawn(move || tell.send(client.loop_forever_with(options)));
    ended
}

#[test]
fn what_follows_connect_goes_before_what_on_connect_does() {
    let (tell, heard) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let subscribe = peer.expect_subscribe();
        peer.suback(subscribe.id, &[0]);
        let _ = tell.send((subscribe.filters, peer.expect_publish().topic));
        peer.expect_disconnect();
    });
    let client = quick();
    let told = tell_all(&client);
    let (begun, order) = Probe::pair();
    client.on_connect(move |client, _, _, _, _| {
        let _ = begun.send(());
        client.publish("from on_connect", "", 0).expect("connected");
    });
    client.connect(HOST, broker.port()).expect("accepted");
    assert!(client.is_connected());
    assert_eq!(told.rest(), [Told::PreConnect]);
    order.is_drained("on_connect waits for the loop");
    client.subscribe("test", 0).expect("connected");
    client.loop_start().expect("no loop yet");
    let (filters, topic) = heard.next("both packets");
    assert_eq!((filters, topic.as_str()), (vec![("test".to_owned(), 0)], "from on_connect"));
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn refused_by_a_broker_of_3_1_1() {
    let expected = [
        (1, 132, "Unsupported protocol version", "Protocol"),
        (2, 133, "Client identifier not valid", "client_id"),
        (3, 136, "Server unavailable", "try again later"),
        (4, 134, "Bad user name or password", "username_pw_set"),
        (5, 135, "Not authorized", "username_pw_set"),
    ];
    for (looping, (sent, value, name, remedy)) in [false, true].into_iter().flat_map(|on| expected.map(|one| (on, one)))
    {
        let broker = ScriptedBroker::run(move |peer| {
            peer.expect_connect();
            peer.connack(sent, false);
            peer.expect_eof();
        });
        // One that connects again would ask in an older way before it is told (`old_brokers`).
        let client = back_at_once(builder().reconnect_on_failure(false).build().expect("a client"));
        let told = tell_all(&client);
        if looping {
            client.loop_start().expect("no loop yet");
        }
        let error = client.connect(HOST, broker.port()).expect_err("refused");
        // on_connect has run when connect returns.
        let refused = Told::Connect { session_present: false, code: value, properties: pmc::Properties::new() };
        assert_eq!(told.rest(), [Told::PreConnect, refused], "looping: {looping}");
        assert!(matches!(&error, Error::Refused { code, .. } if *code == name), "{error:?}");
        let text = error.to_string();
        for part in [&format!("{HOST}:{}", broker.port()), name, &value.to_string(), remedy] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
        broker.finish();
        assert!(!client.is_connected());
        // The scripted broker is gone: another attempt would be heard of.
        drop(client);
        told.is_drained("nothing is tried again behind the program's back");
    }
}

#[test]
fn refused_by_a_broker_of_5() {
    for value in [0x80, 0x87, 0x88, 0x95, 0x9f] {
        let broker = ScriptedBroker::run(move |peer| {
            peer.expect_connect();
            let properties = [property::text(0x1f, "not today"), property::user("a", "b")].concat();
            peer.connack_v5(value, false, &properties);
            peer.expect_eof();
        });
        let client = quick_v5();
        let told = tell_all(&client);
        let error = client.connect(HOST, broker.port()).expect_err("refused");
        let properties = pmc::Properties::new().with_reason_string("not today").with_user_property("a", "b");
        let Error::Refused { code, properties: given, port, .. } = &error else { panic!("{error:?}") };
        assert_eq!((code.value(), given, *port), (value, &properties, broker.port()));
        assert_eq!(told.rest(), [Told::PreConnect, Told::Connect { session_present: false, code: value, properties }]);
        broker.finish();
    }
}

#[test]
fn closed_before_connack() {
    for by_loop in [false, true] {
        let broker = ScriptedBroker::run(|peer| drop(peer.expect_connect()));
        let client = quick();
        let told = tell_all(&client);
        let error = if by_loop {
            client.connect_async(HOST, broker.port()).expect("valid");
            forever(&client, pmc::LoopOptions::new()).next("the end of the loop").expect_err("closed")
        } else {
            client.connect(HOST, broker.port()).expect_err("closed")
        };
        assert!(matches!(error, Error::ClosedDuringConnect { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("{HOST}:{}", broker.port())) && text.contains("TLS"), "{text}");
        // No connection stood that could have ended.
        let expected: &[Told] = if by_loop { &[Told::PreConnect, Told::ConnectFail] } else { &[Told::PreConnect] };
        assert_eq!(told.rest(), expected);
        broker.finish();
    }
}

#[test]
fn a_silent_broker() {
    // Where CONNECT itself has not gone out in time, a longer time has its turn.
    for (limit, text_of_limit) in [(50, "0.05 s"), (1_000, "1 s"), (20_000, "20 s")] {
        let (tell, greeted) = Probe::pair();
        let broker = ScriptedBroker::run(move |peer| {
            let _ = tell.send(matches!(peer.read_to_eof()[..], [Packet::Connect(_)]));
        });
        let client = quick();
        client.connect_timeout_set(Duration::from_millis(limit)).expect("valid");
        let error = client.connect(HOST, broker.port()).expect_err("no answer");
        assert!(matches!(error, Error::ConnectTimeout { .. }), "{error:?}");
        assert!(!client.is_connected());
        let port = broker.port();
        broker.finish();
        if greeted.next("the end of the attempt") {
            let text = error.to_string();
            for part in [&format!("{HOST}:{port}"), text_of_limit, "CONNACK", "connect_timeout_set"] {
                assert!(text.contains(part), "{part:?} is missing in {text:?}");
            }
            return;
        }
    }
    panic!("no CONNECT within 20 s");
}

#[test]
fn after_a_failure_the_same_client_connects() {
    let broker = Mosquitto::start();
    let client = quick();
    client.connect(HOST, free_port()).expect_err("nobody there");
    client.connect(HOST, broker.port()).expect("accepted");
    client.publish("t", "x", 1).expect("published").wait_for_publish(DEADLINE).expect("confirmed");
    client.disconnect().expect("connected");
    client.connect(HOST, broker.port()).expect("accepted again");
    client.publish("t", "x", 2).expect("published").wait_for_publish(DEADLINE).expect("confirmed");
}

#[test]
fn connect_async_is_done_by_the_loop() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = tell_all(&client);
    client.connect_async(HOST, broker.port()).expect("valid");
    assert!(matches!(client.subscribe("t", 0), Err(Error::NotConnected { .. })), "nothing is under way yet");
    let queued = client.publish("queued", "x", 1).expect("queued");
    told.is_drained("nothing before the loop");
    let ended = forever(&client, pmc::LoopOptions::new());
    assert_eq!(told.take(2, "the connection"), [Told::PreConnect, Told::connected()]);
    assert_eq!(told.next("what was queued"), Told::Publish { mid: queued.mid(), code: 0 });
    client.disconnect().expect("connected");
    assert!(ended.next("the end of the loop").is_ok());
    assert_eq!(told.next("the end"), Told::disconnected(0));
}

#[test]
fn connect_async_to_nobody_ends_loop_forever() {
    let client = quick();
    let told = tell_all(&client);
    let port = free_port();
    client.connect_async(HOST, port).expect("valid");
    let ended = forever(&client, pmc::LoopOptions::new());
    let error = ended.next("the end of the loop").expect_err("nobody there");
    assert!(matches!(error, Error::Unreachable { port: of, .. } if of == port), "{error:?}");
    assert_eq!(told.rest(), [Told::PreConnect, Told::ConnectFail]);
}

#[test]
fn connect_async_refused_ends_loop_forever() {
    let broker = ScriptedBroker::run(|peer| {
        peer.expect_connect();
        peer.connack(5, false);
        peer.expect_eof();
    });
    let client = quick();
    let told = tell_all(&client);
    client.connect_async(HOST, broker.port()).expect("valid");
    let ended = forever(&client, pmc::LoopOptions::new());
    let error = ended.next("the end of the loop").expect_err("refused");
    assert!(matches!(&error, Error::Refused { port, code, .. } if *port == broker.port() && *code == 135), "{error:?}");
    let refused = Told::Connect { session_present: false, code: 135, properties: pmc::Properties::new() };
    assert_eq!(told.rest(), [Told::PreConnect, refused]);
    broker.finish();
}

#[test]
fn retry_first_connection_tries_again() {
    for started in [false, true] {
        let client = quick();
        let told = tell_all(&client);
        let port = free_port();
        client.connect_async(HOST, port).expect("valid");
        let ended = if started {
            client.loop_start().expect("no loop yet");
            None
        } else {
            Some(forever(&client, pmc::LoopOptions::new().retry_first_connection(true)))
        };
        let tries = [Told::PreConnect, Told::ConnectFail, Told::PreConnect, Told::ConnectFail];
        assert_eq!(told.take(4, "two attempts"), tries);
        client.disconnect().expect("a connection is wanted");
        if let Some(ended) = ended {
            assert!(ended.next("the end of the loop").is_ok());
        }
    }
}

#[test]
fn a_refusal_is_tried_again_like_any_failure() {
    let refuse = || {
        script(|peer| {
            peer.expect_connect();
            peer.connack(3, false);
            peer.expect_eof();
        })
    };
    let accept = script(|peer| {
        peer.accept();
        peer.expect_disconnect();
    });
    let broker = ScriptedBroker::sequence(vec![refuse(), refuse(), accept]);
    let client = quick();
    let told = tell_all(&client);
    client.connect_async(HOST, broker.port()).expect("valid");
    client.loop_start().expect("no loop yet");
    let refused = Told::Connect { session_present: false, code: 136, properties: pmc::Properties::new() };
    for _ in 0..2 {
        assert_eq!(told.take(2, "a refusal"), [Told::PreConnect, refused.clone()]);
    }
    assert_eq!(told.take(2, "the connection"), [Told::PreConnect, Told::connected()]);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_lost_connection_comes_back() {
    let lose = || script(|peer| drop(peer.accept()));
    let last = script(|peer| {
        peer.accept();
        peer.expect_disconnect();
        peer.expect_eof();
    });
    let broker = ScriptedBroker::sequence(vec![lose(), lose(), last]);
    let client = quick();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    let ended = forever(&client, pmc::LoopOptions::new());
    for _ in 0..2 {
        let round = [Told::PreConnect, Told::connected(), Told::disconnected(128)];
        assert_eq!(told.take(3, "a connection and its loss"), round);
    }
    assert_eq!(told.take(2, "the last connection"), [Told::PreConnect, Told::connected()]);
    client.disconnect().expect("connected");
    assert!(ended.next("the end of the loop").is_ok());
    assert_eq!(told.rest(), [Told::disconnected(0)], "exactly once");
    broker.finish();
}

#[test]
fn a_reset_connection_comes_back() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            peer.reset();
        }),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    let told = tell_all(&client);
    client.loop_start().expect("no loop yet");
    client.connect(HOST, broker.port()).expect("accepted");
    let round = [Told::PreConnect, Told::connected(), Told::disconnected(128), Told::PreConnect, Told::connected()];
    assert_eq!(told.take(5, "the loss and the return"), round);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn without_reconnect_on_failure_the_loop_ends() {
    let broker = ScriptedBroker::run(|peer| drop(peer.accept()));
    let client = builder().reconnect_on_failure(false).build().expect("a client");
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    let error = forever(&client, pmc::LoopOptions::new()).next("the end of the loop").expect_err("lost");
    assert!(matches!(error, Error::ConnectionLost { code } if code == 128), "{error:?}");
    assert_eq!(told.rest(), [Told::PreConnect, Told::connected(), Told::disconnected(128)]);
    assert!(matches!(client.publish("t", "x", 0), Err(Error::NotConnected { .. })));
    broker.finish();
}

#[test]
fn a_broker_that_no_longer_answers() {
    let broker = ScriptedBroker::run(|peer| {
        assert_eq!(peer.accept().keepalive, 1);
        peer.expect_pingreq();
        // The next thing heard is the end of the connection.
        peer.expect_eof();
    });
    let client = builder().reconnect_on_failure(false).build().expect("a client");
    let told = tell_all(&client);
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_secs(1));
    client.connect_with(HOST, broker.port(), options).expect("accepted");
    let error = forever(&client, pmc::LoopOptions::new()).next("the end of the loop").expect_err("lost");
    assert!(matches!(error, Error::ConnectionLost { code } if code == 141), "{error:?}");
    assert_eq!(error.code(), pmc::ErrorCode::Keepalive);
    assert_eq!(told.rest(), [Told::PreConnect, Told::connected(), Told::disconnected(141)]);
    broker.finish();
}

#[test]
fn the_bytes_of_connect() {
    let (tell, heard) = Probe::pair();
    let sent = move |peer: &mut crate::support::scripted::Peer| {
        let _ = tell.send(peer.accept());
        peer.expect_disconnect();
    };
    let scripts = (0..5).map(|_| script(sent.clone())).collect();
    let broker = ScriptedBroker::sequence(scripts);

    let client = kept("é-1", pmc::Protocol::V311);
    client.username_pw_set("info", &[0, 255, b'p']);
    client.will_set("w/é", "gone", pmc::PublishOptions::new().qos(2).retain(true)).expect("valid");
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_millis(2500));
    client.connect_with(HOST, broker.port(), options).expect("accepted");
    client.disconnect().expect("connected");
    let connect = heard.next("the first CONNECT");
    assert_eq!((connect.level, connect.client_id.as_str(), connect.clean, connect.keepalive), (4, "é-1", false, 3));
    assert_eq!((connect.user.as_deref(), connect.password), (Some("info"), Some(vec![0, 255, b'p'])));
    let will = Will { topic: "w/é".into(), payload: b"gone".into(), qos: 2, retain: true, properties: vec![] };
    assert_eq!(connect.will, Some(will));

    // All of it changes with the next connection.
    client.username_pw_set("alone", None);
    client.will_clear();
    client.keepalive_set(Duration::ZERO).expect("valid");
    client.reconnect().expect("accepted");
    client.disconnect().expect("connected");
    let connect = heard.next("the second CONNECT");
    assert_eq!((connect.user.as_deref(), connect.password, connect.will), (Some("alone"), None, None));
    assert_eq!(connect.keepalive, 0);

    client.username_pw_set("", None);
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    let connect = heard.next("the third CONNECT");
    assert_eq!((connect.user, connect.password, connect.keepalive), (None, None, 0), "keepalive_set stays");

    // An empty user name is one, as in paho-python.
    client.username_pw_set("", "alone");
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    let connect = heard.next("the fourth CONNECT");
    assert_eq!((connect.user.as_deref(), connect.password.as_deref()), (Some(""), Some(&b"alone"[..])));

    let plain = plain();
    plain.connect(HOST, broker.port()).expect("accepted");
    let id = plain.client_id();
    plain.disconnect().expect("connected");
    let connect = heard.next("the fifth CONNECT");
    assert_eq!((connect.client_id, connect.clean, id), (String::new(), true, String::new()), "the broker gives one");
    broker.finish();
}

#[test]
fn the_will_is_published_after_a_loss_alone() {
    let broker = Mosquitto::start();
    let witness = quick();
    let told = tell_all(&witness);
    witness.connect(HOST, broker.port()).expect("accepted");
    witness.subscribe("will/#", 1).expect("connected");
    witness.loop_start().expect("no loop yet");
    assert!(matches!(told.take(3, "the subscription")[..], [.., Told::Subscribe { .. }]));

    let proxy = crate::support::proxy::Proxy::to(broker.port());
    let orderly = quick();
    orderly.will_set("will/orderly", "gone", 1).expect("valid");
    orderly.connect(HOST, broker.port()).expect("accepted");
    let dropped = quick();
    dropped.will_set("will/dropped", "gone", 1).expect("valid");
    dropped.connect(HOST, broker.port()).expect("accepted");
    let lost = quick();
    lost.will_set("will/lost", "gone", 1).expect("valid");
    lost.connect(HOST, proxy.port()).expect("accepted");
    orderly.disconnect().expect("connected");
    drop(dropped);
    proxy.cut();
    assert_eq!(told.next("the will"), Told::message("will/lost", "gone", 1));
    witness.publish("will/marker", "", 1).expect("connected");
    // Its confirmation and its return come in either order.
    let rest = told.take(2, "the marker");
    assert!(rest.contains(&Told::message("will/marker", "", 1)), "{rest:?}");
}

#[test]
fn disconnect_says_why() {
    let (tell, heard) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let _ = tell.send(peer.expect_disconnect());
        peer.expect_eof();
    });
    let client = quick_v5();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    let properties = pmc::Properties::new().with_session_expiry_interval(0).with_reason_string("fin");
    client.disconnect_with(pmc::DisconnectOptions::new().reason_code(4).properties(properties)).expect("connected");
    let Disconnect { code, properties } = heard.next("DISCONNECT");
    assert_eq!(code, 4);
    assert_eq!(property::split(&properties), [property::four_bytes(0x11, 0), property::text(0x1f, "fin")]);
    assert_eq!(told.rest(), [Told::PreConnect, Told::connected(), Told::disconnected(0)]);
    broker.finish();
}

#[test]
fn disconnect_waits_for_confirmations_and_counts_what_lacks_them() {
    let (go, wait) = channel::<()>();
    let broker = ScriptedBroker::sequence(vec![
        script(move |peer| {
            peer.accept();
            let first = peer.expect_publish();
            peer.expect_publish();
            peer.expect_publish();
            peer.puback(first.id);
            peer.expect_disconnect();
            peer.expect_eof();
            let _ = wait.recv();
        }),
        script(|peer| {
            peer.accept();
            for topic in ["second", "third"] {
                let message = peer.expect_publish();
                assert_eq!(message.topic, topic);
                peer.puback(message.id);
            }
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    let infos = ["first", "second", "third"].map(|topic| client.publish(topic, "", 1).expect("published"));
    infos[0].wait_for_publish(DEADLINE).expect("confirmed, and all three are on the way");
    let options = pmc::DisconnectOptions::new().timeout(Duration::from_millis(100));
    let error = client.disconnect_with(options).expect_err("two lack their confirmation");
    assert!(matches!(error, Error::Unconfirmed { count: 2 }), "{error:?}");
    assert!(error.to_string().contains("2 message(s)"), "{error}");
    drop(go);
    // They stay queued and go with the next connection.
    client.reconnect().expect("accepted");
    client.disconnect().expect("all confirmed");
    broker.finish();
}

#[test]
fn disconnect_while_connecting() {
    let (reached, arrival) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        let _ = reached.send(());
        // It is given up before or after it has said anything.
        let packets = peer.read_to_eof();
        assert!(matches!(packets[..], [] | [Packet::Connect(_)]), "{packets:?}");
    });
    let client = quick();
    let told = tell_all(&client);
    let (tell, failed) = Probe::pair();
    let (other, port) = (client.clone(), broker.port());
    thread::spawn(move || tell.send(other.connect(HOST, port)));
    assert_eq!(told.next("the attempt"), Told::PreConnect);
    arrival.next("the connection");
    client.publish("t", "x", 0).expect("the attempt is under way");
    returns("disconnect", {
        let client = client.clone();
        move || {
            // How many messages of QoS 0 were accepted meanwhile does not matter.
            let _ = client.disconnect();
        }
    });
    let error = failed.next("the end of connect").expect_err("given up");
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    broker.finish();
    assert!(matches!(client.subscribe("t", 0), Err(Error::NotConnected { .. })));
}

#[test]
fn reconnect_ends_the_connection_that_stands() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            peer.expect_eof();
        }),
        script(|peer| {
            peer.accept();
            assert_eq!(peer.expect_publish().topic, "after");
            let subscribe = peer.expect_subscribe();
            peer.suback(subscribe.id, &[0]);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    assert_eq!(told.take(2, "the first"), [Told::PreConnect, Told::connected()]);
    client.reconnect().expect("accepted");
    assert!(client.is_connected());
    client.publish("after", "", 0).expect("connected");
    client.subscribe("after", 0).expect("connected");
    let mut events = told.take(5, "the second");
    let at = events.iter().position(|event| *event == Told::disconnected(0)).expect("the end of the first");
    assert!(at < 2, "{events:?}");
    events.remove(at);
    let second = [Told::PreConnect, Told::connected(), Told::Publish { mid: 1, code: 0 }];
    assert_eq!(events[..3], second);
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_failed_reconnect_leaves_no_connection_behind() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        peer.expect_eof();
    });
    let client = quick();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.connect(HOST, free_port()).expect_err("nobody there");
    assert!(!client.is_connected());
    assert!(matches!(client.publish("t", "x", 0), Err(Error::NotConnected { .. })));
    assert!(matches!(client.disconnect(), Err(Error::NotConnected { .. })));
    broker.finish();
    while client.loop_once(Duration::ZERO).is_ok() {}
    let ends = told.rest().iter().filter(|event| matches!(event, Told::Disconnect { .. })).count();
    assert_eq!(ends, 1, "one end for one connection");
}

#[test]
fn a_dropped_client_disconnects() {
    for looping in [false, true] {
        let broker = ScriptedBroker::run(|peer| {
            peer.accept();
            let message = peer.expect_publish();
            peer.puback(message.id);
            let rest = peer.read_to_eof();
            assert!(matches!(rest[..], [Packet::Disconnect(_)]), "{rest:?}");
        });
        let client = quick();
        let told = tell_all(&client);
        client.connect(HOST, broker.port()).expect("accepted");
        if looping {
            client.loop_start().expect("no loop yet");
        }
        client.publish("last", "", 1).expect("published");
        let second = client.clone();
        drop(client);
        assert!(second.is_connected(), "another handle keeps it");
        returns("the drop of the last handle", move || drop(second));
        broker.finish();
        let expected = [Told::PreConnect, Told::connected(), Told::Publish { mid: 1, code: 0 }, Told::disconnected(0)];
        assert_eq!(told.take(4, "what was due"), expected);
    }
}

#[test]
fn a_message_outlives_no_client() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        peer.expect_publish();
        let _ = peer.read_to_eof();
    });
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    let info = client.publish("never confirmed", "", 1).expect("published");
    returns("the drop", move || drop(client));
    let error = info.wait_for_publish(None).expect_err("gone");
    assert!(matches!(error, Error::Dropped), "{error:?}");
    broker.finish();
}
