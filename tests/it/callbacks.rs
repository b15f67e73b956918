//! What callbacks may do, and what they may not break.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, builder, quick};
use crate::support::logged::{expect_logged, keep_log};
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::proxy::Proxy;
use crate::support::scripted::ScriptedBroker;
use crate::support::scripted::packet::{Packet, frame, prefixed};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe, returns, wait_until};

/// Every place where a program's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    PreConnect,
    Connect,
    ConnectFail,
    Disconnect,
    Message,
    Route,
    Publish,
    Subscribe,
    Unsubscribe,
}

const PLACES: [Place; 9] = [
    Place::PreConnect,
    Place::Connect,
    Place::ConnectFail,
    Place::Disconnect,
    Place::Message,
    Place::Route,
    Place::Publish,
    Place::Subscribe,
    Place::Unsubscribe,
];

impl Place {
    /// Has `act` run there.
    fn register<U: Send + Sync + 'static>(
        self,
        client: &pmc::Client<U>,
        mut act: impl FnMut(&pmc::Client<U>) + Send + 'static,
    ) {
        match self {
            Place::PreConnect => client.on_pre_connect(move |client, _| act(client)),
            Place::Connect => client.on_connect(move |client, _, _, _, _| act(client)),
            Place::ConnectFail => client.on_connect_fail(move |client, _| act(client)),
            Place::Disconnect => client.on_disconnect(move |client, _, _, _, _| act(client)),
            Place::Message => client.on_message(move |client, _, _| act(client)),
            Place::Route => client.message_callback_add("t/#", move |client, _, _| act(client)).expect("valid"),
            Place::Publish => client.on_publish(move |client, _, _, _, _| act(client)),
            Place::Subscribe => client.on_subscribe(move |client, _, _, _, _| act(client)),
            Place::Unsubscribe => client.on_unsubscribe(move |client, _, _, _, _| act(client)),
        }
    }

    /// Has nothing run there any more.
    fn clear(self, client: &pmc::Client) {
        match self {
            Place::PreConnect => client.on_pre_connect_clear(),
            Place::Connect => client.on_connect_clear(),
            Place::ConnectFail => client.on_connect_fail_clear(),
            Place::Disconnect => client.on_disconnect_clear(),
            Place::Message => client.on_message_clear(),
            Place::Route => client.message_callback_remove("t/#"),
            Place::Publish => client.on_publish_clear(),
            Place::Subscribe => client.on_subscribe_clear(),
            Place::Unsubscribe => client.on_unsubscribe_clear(),
        }
    }

    /// How the log names it.
    fn name(self) -> &'static str {
        match self {
            Place::PreConnect => "on_pre_connect",
            Place::Connect => "on_connect",
            Place::ConnectFail => "on_connect_fail",
            Place::Disconnect => "on_disconnect",
            Place::Message => "on_message",
            Place::Route => "the callback for \"t/#\"",
            Place::Publish => "on_publish",
            Place::Subscribe => "on_subscribe",
            Place::Unsubscribe => "on_unsubscribe",
        }
    }

    /// Has the client come to this place. What an earlier call inside a callback has made impossible may fail.
    fn provoke(self, client: &pmc::Client, port: u16) {
        if self == Place::ConnectFail {
            client.connect_async(HOST, free_port()).expect("valid");
            while client.loop_once(Duration::from_millis(50)).is_ok() && !client.is_connected() {}
            return;
        }
        let _ = client.connect(HOST, port);
        let _ = client.subscribe("t/#", 1);
        let _ = client.publish("t/x", "", 1);
        let _ = client.unsubscribe("t/#");
        let _ = client.disconnect();
    }
}

/// A method of the client, by name.
type Method = (&'static str, fn(&pmc::Client, u16));

/// Every method, in groups that do not disturb each other. What they return depends on the place.
const METHODS: &[Method] = &[
    ("reading", |client, _| {
        let _ = (client.host(), client.port(), client.client_id(), client.keepalive(), client.connect_timeout());
        let _ = (client.username(), client.max_inflight_messages(), client.max_queued_messages());
        let _ = (client.transport(), client.protocol(), client.will_topic(), client.will_payload());
        let _ = (client.max_queued_bytes(), client.counters(), client.last_error());
        let _ = (client.user_data_get(), client.is_connected(), format!("{client:?}"), client.clone());
    }),
    ("setting", |client, _| {
        client.username_pw_set("user", "password");
        client.will_set("will", "", 1).expect("valid");
        client.will_clear();
        client.reconnect_delay_set(Duration::from_millis(10), Duration::from_millis(20)).expect("valid");
        client.max_inflight_messages_set(5);
        client.max_queued_messages_set(500);
        client.keepalive_set(Duration::from_secs(30)).expect("valid");
        client.connect_timeout_set(Duration::from_secs(4)).expect("valid");
        client.user_data_set(());
        client.max_queued_bytes_set(50_000);
        client.manual_ack_set(true);
        client.availability("state").expect("a topic");
    }),
    ("on_log", |client, _| {
        client.enable_logger();
        client.on_log(|client, _, _, _| drop(client.host()));
        let _ = client.publish("other", "", 0);
        client.disable_logger();
        client.on_log_clear();
    }),
    ("ack", |client, _| {
        client.manual_ack_set(true);
        let _ = client.ack(1, 1);
        let _ = client.ack_message(&pmc::Message::new("t", "").with_qos(pmc::Qos::AtLeastOnce));
    }),
    ("publish", |client, _| {
        for qos in 0..=2 {
            let _ = client.publish("other", "", qos);
        }
    }),
    ("publish with room", |client, _| {
        client.max_queued_messages_set(1);
        for _ in 0..3 {
            let _ = client.publish("other", "", pmc::PublishOptions::new().qos(1).wait_for_room(None));
        }
        let _ = client.drop_out_messages();
    }),
    ("subscribe", |client, _| {
        let _ = client.subscribe("other", 0);
        let _ = client.subscribe_many([("other", 1), ("another", 2)]);
        let _ = client.unsubscribe("other");
        let _ = client.unsubscribe_many(["another"]);
        let _ = client.unsubscribe_with(["another"], pmc::Properties::new());
    }),
    ("message_callback_add", |client, _| {
        client.message_callback_add("t/#", |_, _, _| {}).expect("valid");
        client.message_callback_add("#", |_, _, _| {}).expect("valid");
        client.message_callback_remove("t/#");
    }),
    ("callbacks", |client, _| {
        for place in PLACES {
            place.register(client, |_| {});
            place.clear(client);
        }
    }),
    ("wait_for_publish", |client, _| {
        for qos in 0..=2 {
            if let Ok(info) = client.publish("other", "", qos) {
                let _ = info.wait_for_publish(None);
            }
        }
    }),
    ("connect", |client, port| drop(client.connect(HOST, port))),
    ("connect to nobody", |client, _| drop(client.connect(HOST, free_port()))),
    ("connect_async", |client, port| drop(client.connect_async(HOST, port))),
    ("reconnect", |client, _| drop(client.reconnect())),
    ("disconnect", |client, _| drop(client.disconnect())),
    ("disconnect and connect", |client, port| {
        let _ = client.publish("other", "", 1);
        let _ = client.disconnect();
        let _ = client.connect(HOST, port);
    }),
    ("loop_once", |client, _| assert!(matches!(client.loop_once(DEADLINE), Err(Error::InCallback { .. })))),
    ("loop_forever", |client, _| assert!(matches!(client.loop_forever(), Err(Error::InCallback { .. })))),
    ("loop_start", |client, _| assert!(matches!(client.loop_start(), Err(Error::InCallback { .. })))),
    ("loop_stop", |client, _| drop(client.loop_stop())),
];

/// Calls every method once inside every callback, run by the calls of the test itself or by a loop.
fn every_method(looping: bool) {
    let broker = Mosquitto::start();
    // Without a loop of its own, the failure ends the loop: there `ConnectFail` is tested.
    for place in PLACES.into_iter().filter(|place| !looping || *place != Place::ConnectFail) {
        for (name, method) in METHODS {
            let (client, port) = (quick(), broker.port());
            let (tell, heard) = Probe::pair();
            let mut first = true;
            place.register(&client, move |client| {
                if std::mem::take(&mut first) {
                    method(client, port);
                    let _ = tell.send(());
                }
            });
            if looping {
                client.loop_start().expect("no loop yet");
            }
            returns(&format!("{name} inside {place:?}, looping: {looping}"), move || {
                place.provoke(&client, port);
                heard.next("the callback to return");
                drop(client);
            });
        }
    }
}

#[test]
fn every_method_inside_every_callback() {
    every_method(false);
}

#[test]
fn every_method_inside_every_callback_of_a_loop() {
    every_method(true);
}

#[test]
fn a_connection_survives_what_callbacks_do_with_it() {
    let broker = Mosquitto::start();
    for place in [Place::Connect, Place::Message, Place::Publish, Place::Subscribe, Place::Unsubscribe] {
        let (client, port) = (quick(), broker.port());
        let (tell, heard) = Probe::pair();
        let mut first = true;
        place.register(&client, move |client| {
            if std::mem::take(&mut first) {
                let _ = tell.send(client.reconnect());
            }
        });
        client.loop_start().expect("no loop yet");
        client.connect(HOST, port).expect("accepted");
        let _ = client.subscribe("t/#", 1);
        let _ = client.publish("t/x", "", 1);
        let _ = client.unsubscribe("t/#");
        heard.next("the callback to return").expect("accepted again");
        returns("a message over the new connection", move || {
            client.publish("t/y", "", 2).expect("queued").wait_for_publish(None).expect("confirmed");
            client.disconnect().expect("connected");
        });
    }
}

#[test]
fn what_a_callback_does_before_connecting_counts() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = tell_all(&client);
    client.on_pre_connect(|client, _| drop(client.disconnect()));
    let error = client.connect(HOST, broker.port()).expect_err("given up");
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    assert!(!client.is_connected());
    assert!(matches!(client.publish("t", "", 0), Err(Error::NotConnected { .. })));
    told.is_drained("nothing was connected");
}

#[test]
fn wait_for_publish_inside_every_callback() {
    let broker = Mosquitto::start();
    for place in PLACES {
        let (client, port) = (quick(), broker.port());
        let (tell, heard) = Probe::pair();
        let mut first = true;
        place.register(&client, move |client| {
            if std::mem::take(&mut first) {
                let infos = [1, 2].map(|qos| client.publish("other", "", qos).expect("queued at least"));
                let _ = tell.send(infos.map(|info| (info.wait_for_publish(None), info.is_published())));
            }
        });
        let offline = matches!(place, Place::PreConnect | Place::ConnectFail | Place::Disconnect);
        for (outcome, published) in returns(&format!("{place:?}"), move || {
            place.provoke(&client, port);
            heard.next("the callback to return")
        }) {
            match outcome {
                Ok(()) => assert!(published && !offline, "{place:?}"),
                Err(error) => assert!(matches!(error, Error::NotConnected { .. }) && offline, "{place:?}: {error:?}"),
            }
        }
    }
}

#[test]
fn a_callback_replaces_or_clears_itself() {
    let broker = Mosquitto::start();
    for place in PLACES {
        for replace in [true, false] {
            let client = quick();
            let (tell, heard) = Probe::pair();
            place.register(&client, move |client| {
                let _ = tell.send("old");
                if replace {
                    let tell = tell.clone();
                    place.register(client, move |_| {
                        let _ = tell.send("new");
                    });
                } else {
                    place.clear(client);
                }
            });
            for _ in 0..3 {
                place.provoke(&client, broker.port());
            }
            let expected = if replace { &["old", "new", "new"][..] } else { &["old"] };
            assert_eq!(heard.rest(), expected, "{place:?}");
        }
    }
}

#[test]
fn the_last_other_handle_is_dropped_inside_every_callback() {
    /// Tells when the client is gone for good.
    struct Witness(#[allow(dead_code, reason = "its end is what counts")] Sender<()>);

    let broker = Mosquitto::start();
    for place in PLACES {
        let (alive, gone) = channel();
        let client = builder().userdata(Witness(alive)).build().expect("a client");
        let (handle, last) = channel::<pmc::Client<Witness>>();
        let (tell, heard) = Probe::pair();
        place.register(&client, move |_| {
            if let Ok(handle) = last.recv_timeout(DEADLINE) {
                drop(handle);
                let _ = tell.send(());
            }
        });
        let proxy = Proxy::to(broker.port());
        match place {
            Place::PreConnect => client.connect_async(HOST, broker.port()).expect("valid"),
            Place::ConnectFail => client.connect_async(HOST, free_port()).expect("valid"),
            _ => {
                client.connect(HOST, proxy.port()).expect("accepted");
                client.subscribe("t/#", 1).expect("connected");
                let info = client.publish("t/x", "", 1).expect("connected");
                client.unsubscribe("t/#").expect("connected");
                if place == Place::Disconnect {
                    wait_until("the confirmation", DEADLINE, || info.is_published());
                    proxy.cut();
                }
            }
        }
        client.loop_start().expect("no loop yet");
        handle.send(client).expect("the callback waits");
        heard.next("the callback to return");
        let end = gone.recv_timeout(DEADLINE);
        assert_eq!(end, Err(RecvTimeoutError::Disconnected), "{place:?}: the client is never freed");
    }
}

#[test]
fn a_panic_in_every_callback() {
    keep_log();
    let broker = Mosquitto::start();
    for place in PLACES {
        let client = quick();
        let (tell, heard) = Probe::pair();
        let text = format!("panic of the test in {place:?}");
        let panics = text.clone();
        place.register(&client, move |_| {
            let _ = tell.send(());
            panic!("{panics}");
        });
        for _ in 0..2 {
            place.provoke(&client, broker.port());
        }
        assert_eq!(heard.rest().len(), 2, "{place:?}: it stays registered");
        let topic = if matches!(place, Place::Message | Place::Route) { "t/x" } else { "" };
        expect_logged(log::Level::Error, &[&text, place.name(), topic]);
    }
}

#[test]
fn a_panic_leaves_the_loop_and_the_next_message_alone() {
    keep_log();
    let broker = Mosquitto::start();
    let client = quick();
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| {
        assert!(message.payload != b"bad", "bad message");
        let _ = tell.send(message.payload.clone());
    });
    client.on_publish(|_, _, _, _, _| panic!("on_publish of the test"));
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("t", 1).expect("connected");
    client.loop_start().expect("no loop yet");
    for payload in ["one", "bad", "two", "bad", "three"] {
        client.publish("t", payload, 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    }
    assert_eq!(heard.take(3, "the good ones"), [&b"one"[..], b"two", b"three"]);
    client.disconnect().expect("connected");
}

#[test]
fn a_busy_callback_holds_up_nothing_else() {
    let (busy, begun) = Probe::pair();
    let (go, wait) = channel::<()>();
    let (tell, heard) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        assert_eq!(peer.accept().keepalive, 2);
        for id in 1..=5 {
            peer.publish("t", [id as u8], 1, id);
        }
        peer.publish("t", [6], 2, 6);
        // While the callback is busy with the first one: everything but the answers to what waits behind it.
        assert_eq!(peer.expect_publish().topic, "meanwhile");
        peer.expect_pingreq();
        peer.pingresp();
        peer.expect_pingreq();
        peer.pingresp();
        peer.answer_pings();
        let _ = tell.send(());
        for id in 1..=5 {
            assert_eq!(peer.expect_puback().id, id);
        }
        assert_eq!(peer.expect_pubrec().id, 6);
        peer.pubrel(6);
        assert_eq!(peer.expect_pubcomp().id, 6);
        let _ = tell.send(());
        peer.expect_disconnect();
    });
    let client = quick();
    let told = tell_all(&client);
    let (seen, messages) = Probe::pair();
    client.on_message(move |_, _, message| {
        let _ = busy.send(());
        let _ = wait.recv_timeout(3 * DEADLINE);
        let _ = seen.send(message.payload[0]);
    });
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_secs(2));
    client.connect_with(HOST, broker.port(), options).expect("accepted");
    client.loop_start().expect("no loop yet");
    begun.next("the busy callback");

    let real = Mosquitto::start();
    let other = quick();
    let others = tell_all(&other);
    other.connect(HOST, real.port()).expect("accepted");
    other.subscribe("t", 1).expect("connected");
    other.loop_start().expect("no loop yet");
    other.publish("t", "x", 2).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    assert!(others.take(5, "all of the other client").contains(&Told::message("t", "x", 1)));

    client.publish("meanwhile", "", 0).expect("connected");
    heard.next("the pings");
    messages.is_drained("the callback is still busy");
    drop(go);
    assert_eq!(messages.take(6, "all messages"), [1, 2, 3, 4, 5, 6]);
    heard.next("the end of the exchanges");
    client.disconnect().expect("connected");
    let rest = told.rest();
    assert!(!rest.iter().any(|event| *event == Told::disconnected(141)), "{rest:?}");
    broker.finish();
}

#[test]
fn keepalive_goes_on_when_messages_pile_up() {
    let (go, wait) = channel::<()>();
    let (tell, heard) = Probe::pair();
    // More than may wait for the callbacks: the broker is no longer read.
    const COUNT: usize = 18;
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let large = vec![0_u8; 1024 * 1024];
        for _ in 0..COUNT {
            peer.publish("t", &large, 0, 0);
        }
        for _ in 0..3 {
            peer.expect_pingreq();
            peer.pingresp();
        }
        let _ = tell.send(());
        peer.answer_pings();
        peer.expect_disconnect();
    });
    let client = quick();
    let (seen, messages) = Probe::pair();
    client.on_message(move |_, _, message| {
        let _ = wait.recv_timeout(3 * DEADLINE);
        let _ = seen.send(message.payload.len());
    });
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_secs(2));
    client.connect_with(HOST, broker.port(), options).expect("accepted");
    client.loop_start().expect("no loop yet");
    heard.next("three pings");
    drop(go);
    assert_eq!(messages.take(COUNT, "all messages"), [1024 * 1024; COUNT]);
    assert!(client.is_connected());
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn callbacks_never_overlap() {
    let broker = Mosquitto::start();
    for looping in [false, true] {
        let client = quick();
        let (inside, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let overlaps = Arc::new(AtomicUsize::new(0));
        for place in PLACES {
            let (inside, calls, overlaps) = (Arc::clone(&inside), Arc::clone(&calls), Arc::clone(&overlaps));
            place.register(&client, move |_| {
                overlaps.fetch_add(usize::from(inside.swap(true, Ordering::SeqCst)), Ordering::SeqCst);
                thread::yield_now();
                calls.fetch_add(1, Ordering::SeqCst);
                inside.store(false, Ordering::SeqCst);
            });
        }
        client.connect(HOST, broker.port()).expect("accepted");
        client.subscribe("t/#", 1).expect("connected");
        if looping {
            client.loop_start().expect("no loop yet");
        }
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let client = client.clone();
                thread::spawn(move || {
                    for _ in 0..25 {
                        let info = client.publish("t/x", "", 1).expect("connected");
                        info.wait_for_publish(DEADLINE).expect("confirmed");
                        if number == 0 {
                            let _ = client.loop_once(Duration::ZERO);
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        returns("disconnect", move || client.disconnect().expect("connected"));
        // Messages and confirmations of 200, one subscription, one connection and its end.
        wait_until("all callbacks", DEADLINE, || calls.load(Ordering::SeqCst) == 403 + 1);
        assert_eq!(overlaps.load(Ordering::SeqCst), 0, "looping: {looping}");
    }
}

#[test]
fn callbacks_keep_the_order_of_the_wire() {
    let (tell, answered) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let (published, subscribed, unsubscribed) =
            (peer.expect_publish().id, peer.expect_subscribe().id, peer.expect_unsubscribe().id);
        assert_eq!([published, subscribed, unsubscribed], [1, 2, 3]);
        let message = |payload: u8, qos: u8, id: u16| {
            let id = if qos == 0 { vec![] } else { id.to_be_bytes().to_vec() };
            frame(0x30 | qos << 1, &[prefixed(b"t"), id, vec![payload]].concat())
        };
        // In one write: nothing but the order can tell.
        let all = [
            message(1, 0, 0),
            frame(0x40, &[0, 1]),
            message(2, 1, 5),
            message(3, 2, 6),
            frame(0x90, &[0, 2, 0]),
            message(4, 0, 0),
            frame(0xb0, &[0, 3]),
            message(5, 2, 7),
        ];
        peer.send_raw(&all.concat());
        let mut answers = [peer.read_packet(), peer.read_packet(), peer.read_packet()];
        answers.sort_by_key(|packet| match packet {
            Packet::PubAck(ack) | Packet::PubRec(ack) => ack.id,
            other => panic!("not an answer: {other:?}"),
        });
        assert!(matches!(answers, [Packet::PubAck(_), Packet::PubRec(_), Packet::PubRec(_)]), "{answers:?}");
        peer.pubrel(6);
        peer.pubrel(7);
        assert_eq!([peer.expect_pubcomp().id, peer.expect_pubcomp().id], [6, 7]);
        let _ = tell.send(());
        peer.expect_disconnect();
    });
    let client = quick();
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.publish("mine", "", 1).expect("connected");
    client.subscribe("t", 2).expect("connected");
    client.unsubscribe("t").expect("connected");
    client.loop_start().expect("no loop yet");
    let expected = [
        Told::PreConnect,
        Told::connected(),
        Told::message("t", [1], 0),
        Told::Publish { mid: 1, code: 0 },
        Told::message("t", [2], 1),
        Told::message("t", [3], 2),
        Told::Subscribe { mid: 2, codes: vec![0] },
        Told::message("t", [4], 0),
        Told::Unsubscribe { mid: 3, codes: vec![] },
        Told::message("t", [5], 2),
    ];
    assert_eq!(told.take(10, "everything"), expected);
    answered.next("all answers");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn every_callback_gets_the_user_data() {
    let broker = Mosquitto::start();
    let client = builder().userdata(Mutex::new(Vec::new())).build().expect("a client");
    let note = |data: &Mutex<Vec<&'static str>>, name| data.lock().expect("no panic").push(name);
    client.on_connect(move |_, data, _, _, _| note(data, "on_connect"));
    client.on_subscribe(move |_, data, _, _, _| note(data, "on_subscribe"));
    client.on_publish(move |_, data, _, _, _| note(data, "on_publish"));
    client.on_disconnect(move |client, data, _, _, _| {
        note(data, "on_disconnect");
        client.user_data_set(Mutex::new(vec!["new"]));
    });
    let old = client.user_data_get();
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("t", 0).expect("connected");
    client.publish("u", "", 1).expect("connected");
    client.disconnect().expect("connected");
    assert_eq!(*old.lock().expect("no panic"), ["on_connect", "on_subscribe", "on_publish", "on_disconnect"]);
    assert_eq!(*client.user_data_get().lock().expect("no panic"), ["new"]);
}

#[test]
fn a_forgotten_loop_is_mentioned() {
    keep_log();
    let broker = Mosquitto::start();
    let client = quick();
    let _told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    expect_logged(log::Level::Warn, &["no loop has run", "loop_start", "loop_forever"]);
}
