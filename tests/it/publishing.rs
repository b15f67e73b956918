//! Publishing: order, confirmation, limits, and the packets on the wire.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, builder, kept, quick, quick_v5};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::packet::{Packet, Publish};
use crate::support::scripted::{ScriptedBroker, property, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe, returns, returns_within};

/// How many messages a burst has.
const BURST: u32 = 100_000;
/// How long a burst may take on a slow machine.
const LONG: Duration = Duration::from_secs(120);

/// A burst published by one client and received by another, both with a loop of their own.
fn burst(qos: u8) {
    let broker = Mosquitto::builder().extra_config("max_queued_messages 0\nmax_inflight_messages 0").start();
    let subscriber = quick();
    let (tell, heard) = Probe::pair();
    subscriber.on_message(move |_, _, message| {
        let _ = tell.send(u32::from_be_bytes(message.payload[..].try_into().expect("four bytes")));
    });
    subscriber.connect(HOST, broker.port()).expect("accepted");
    let (subscribed, ready) = Probe::pair();
    subscriber.on_subscribe(move |_, _, _, _, _| {
        let _ = subscribed.send(());
    });
    subscriber.subscribe("burst", i32::from(qos)).expect("connected");
    subscriber.loop_start().expect("no loop yet");
    ready.next("SUBACK");

    let publisher = quick();
    let (tell, confirmed) = Probe::pair();
    publisher.on_publish(move |_, _, mid, code, _| {
        let _ = tell.send((mid, code.value()));
    });
    publisher.connect(HOST, broker.port()).expect("accepted");
    publisher.loop_start().expect("no loop yet");
    let mut last = None;
    for number in 0..BURST {
        last = Some(publisher.publish("burst", number.to_be_bytes(), qos).expect("accepted at once"));
    }
    for number in 0..BURST {
        assert_eq!(heard.next_within("the burst", LONG), number, "in order");
    }
    last.expect("published").wait_for_publish(LONG).expect("confirmed");
    for number in 0..BURST {
        let (mid, code) = confirmed.next_within("on_publish", LONG);
        assert_eq!(code, 0);
        // Ids are counted from 1; beyond 65,535 they depend on which ones are free.
        assert!(number >= 65_535 || u32::from(mid) == number + 1 || qos > 0, "{number}: mid {mid}");
    }
    // Nothing stays behind: with a queue of one there is room for one.
    publisher.max_queued_messages_set(1);
    publisher.publish("after", "", 1).expect("the queue is empty").wait_for_publish(DEADLINE).expect("confirmed");
    returns("disconnect", move || publisher.disconnect().expect("all is confirmed"));
    assert_eq!(confirmed.take(1, "the last on_publish").len(), 1);
    confirmed.is_drained("once per message");
    heard.is_drained("once per message");
}

#[test]
fn a_burst_of_qos_0() {
    burst(0);
}

#[test]
fn a_burst_of_qos_1() {
    burst(1);
}

#[test]
fn a_burst_of_qos_2() {
    burst(2);
}

#[test]
fn one_counter_for_all_message_ids() {
    let broker = Mosquitto::start();
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    let publish = |qos: u8| client.publish("t", "x", qos).expect("connected").mid();
    assert_eq!(publish(1), 1);
    assert_eq!(client.subscribe("t", 0).expect("connected"), 2);
    assert_eq!(publish(0), 3);
    assert_eq!(client.unsubscribe("t").expect("connected"), 4);
    assert_eq!(publish(2), 5);
    assert_eq!(client.subscribe_many([("a", 0), ("b", 1)]).expect("connected"), 6);
}

#[test]
fn on_publish_once_for_each_mid() {
    for qos in 0..=2_u8 {
        let broker = Mosquitto::start();
        let client = quick();
        let told = tell_all(&client);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("no loop yet");
        assert_eq!(told.take(2, "the connection")[1], Told::connected());
        let infos: Vec<_> = (0..50).map(|_| client.publish("t", "x", qos).expect("connected")).collect();
        for info in &infos {
            assert_eq!(info.rc(), pmc::ErrorCode::Success);
            info.wait_for_publish(DEADLINE).expect("confirmed");
            assert!(info.is_published());
        }
        client.disconnect().expect("connected");
        let mut expected: Vec<_> = infos.iter().map(|info| Told::Publish { mid: info.mid(), code: 0 }).collect();
        expected.push(Told::disconnected(0));
        assert_eq!(told.take(51, "all of them"), expected);
    }
}

#[test]
fn wait_for_publish_returns_after_on_publish() {
    let broker = Mosquitto::start();
    for looping in [true, false] {
        let client = quick();
        let done = Arc::new(AtomicBool::new(false));
        let (begun, begin) = Probe::pair();
        let (go, wait) = channel::<()>();
        let flag = Arc::clone(&done);
        client.on_publish(move |_, _, _, _, _| {
            let _ = begun.send(());
            let _ = wait.recv_timeout(DEADLINE);
            flag.store(true, Ordering::SeqCst);
        });
        client.connect(HOST, broker.port()).expect("accepted");
        if looping {
            client.loop_start().expect("no loop yet");
        }
        let info = client.publish("t", "x", 1).expect("connected");
        let waiter = thread::spawn(move || info.wait_for_publish(DEADLINE).map(|()| done.load(Ordering::SeqCst)));
        begin.next("on_publish");
        go.send(()).expect("on_publish waits");
        assert!(waiter.join().expect("no panic").expect("confirmed"), "looping: {looping}");
    }
}

#[test]
fn wait_for_publish_times_out() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let first = peer.expect_publish();
        let second = peer.expect_publish();
        peer.puback(first.id);
        peer.puback(second.id);
        peer.expect_disconnect();
    });
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    let info = client.publish("t", "x", 1).expect("connected");
    let in_vain = || {
        let error = info.wait_for_publish(Duration::from_millis(20)).expect_err("nothing confirms it");
        assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
        assert!(error.to_string().contains("wait_for_publish") && error.to_string().contains("20ms"), "{error}");
        assert!(!info.is_published());
    };
    in_vain();
    client.loop_start().expect("no loop yet");
    in_vain();
    // It may still be confirmed.
    client.publish("t", "y", 1).expect("connected");
    info.wait_for_publish(None).expect("confirmed");
    client.disconnect().expect("all confirmed");
    broker.finish();
}

#[test]
fn fifty_threads_wait_for_one_message() {
    for looping in [true, false] {
        let (go, wait) = channel();
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            let message = peer.expect_publish();
            let _ = wait.recv_timeout(DEADLINE);
            peer.puback(message.id);
            peer.expect_disconnect();
        });
        let client = quick();
        let told = tell_all(&client);
        client.connect(HOST, broker.port()).expect("accepted");
        if looping {
            client.loop_start().expect("no loop yet");
        }
        let info = client.publish("t", "x", 1).expect("connected");
        let (tell, begun) = Probe::pair();
        let waiters: Vec<_> = (0..50)
            .map(|_| {
                let (info, tell) = (info.clone(), tell.clone());
                thread::spawn(move || {
                    let _ = tell.send(());
                    info.wait_for_publish(DEADLINE)
                })
            })
            .collect();
        begun.take(50, "the waiters");
        go.send(()).expect("the script waits");
        for waiter in waiters {
            waiter.join().expect("no panic").expect("confirmed");
        }
        client.disconnect().expect("connected");
        let events = told.take(4, "one of each");
        assert_eq!(events[2], Told::Publish { mid: 1, code: 0 });
        broker.finish();
    }
}

/// The smallest runtime: one future, the thread sleeps in between.
fn block_on<F: IntoFuture>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = std::pin::pin!(future.into_future());
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The other kind of runtime: many tasks on several threads, each polled when it was woken, by whoever is free.
struct Pool {
    ready: Sender<Arc<Spawned>>,
}

struct Spawned {
    task: Mutex<Option<Task>>,
    ready: Sender<Arc<Spawned>>,
}

impl Wake for Spawned {
    fn wake(self: Arc<Self>) {
        let ready = self.ready.clone();
        let _ = ready.send(self);
    }
}

impl Pool {
    fn new(threads: usize) -> Self {
        let (ready, queue) = channel();
        let queue: Arc<Mutex<Receiver<Arc<Spawned>>>> = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                while let Ok(spawned) = { queue.lock().expect("no panic").recv() } {
                    let mut slot = spawned.task.lock().expect("no panic");
                    let waker = Waker::from(Arc::clone(&spawned));
                    if let Some(mut task) = slot.take()
                        && task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
                    {
                        *slot = Some(task);
                    }
                }
            });
        }
        Pool { ready }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let spawned = Spawned { task: Mutex::new(Some(Box::pin(task))), ready: self.ready.clone() };
        let _ = self.ready.send(Arc::new(spawned));
    }
}

#[test]
fn await_on_two_runtimes() {
    let broker = Mosquitto::start();
    for looping in [true, false] {
        let client = quick();
        client.connect(HOST, broker.port()).expect("accepted");
        if looping {
            client.loop_start().expect("no loop yet");
        }
        for qos in 0..=2_u8 {
            let info = client.publish("t", "x", qos).expect("connected");
            returns("await", move || block_on(info)).expect("confirmed");
        }
        let pool = Pool::new(3);
        let (tell, heard) = Probe::pair();
        for number in 0..200_u8 {
            let (client, tell) = (client.clone(), tell.clone());
            pool.spawn(async move {
                let info = client.publish("t", "x", number % 3).expect("connected");
                let outcome = info.clone().await;
                let _ = tell.send((outcome.is_ok() && info.is_published(), number));
            });
        }
        let mut done = heard.take(200, "all tasks");
        done.sort_unstable();
        assert_eq!(done, (0..200).map(|number| (true, number)).collect::<Vec<_>>());
    }
}

#[test]
fn await_tells_of_failure() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let message = peer.expect_publish();
        peer.ack_v5(0x40, message.id, 0x97, &[]);
        peer.expect_publish();
        let _ = peer.read_to_eof();
    });
    let client = quick_v5();
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    let refused = client.publish("t", "x", 1).expect("connected");
    let error = returns("await", move || block_on(refused)).expect_err("refused");
    assert!(matches!(error, Error::PublishRefused { code, .. } if code == 0x97), "{error:?}");
    let given_up = client.publish("t", "x", 1).expect("connected");
    let waiter = thread::spawn(move || block_on(given_up));
    returns("the drop", move || drop(client));
    let error = waiter.join().expect("no panic").expect_err("the client is gone");
    assert!(matches!(error, Error::Dropped), "{error:?}");
    broker.finish();
}

#[test]
fn queued_offline_and_sent_after_connect() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        for number in 0..3_u8 {
            let message = peer.expect_publish();
            assert_eq!((message.payload.as_slice(), message.dup), (&[number][..], false));
            peer.puback(message.id);
        }
        peer.expect_disconnect();
    });
    let client = quick();
    let told = tell_all(&client);
    let infos: Vec<_> = (0..3_u8).map(|number| client.publish("t", [number], 1).expect("queued")).collect();
    assert!(infos.iter().all(|info| info.rc() == pmc::ErrorCode::NoConn && !info.is_published()));
    assert!(matches!(client.publish("t", "x", 0), Err(Error::NotConnected { .. })));
    client.connect(HOST, broker.port()).expect("accepted");
    infos[2].wait_for_publish(DEADLINE).expect("confirmed");
    assert!(infos.iter().all(pmc::MessageInfo::is_published));
    client.disconnect().expect("connected");
    let mids: Vec<_> = told.rest().into_iter().filter(|event| matches!(event, Told::Publish { .. })).collect();
    assert_eq!(mids, [1, 2, 3].map(|mid| Told::Publish { mid, code: 0 }));
    broker.finish();
}

#[test]
fn keep_latest_replaces_while_offline() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let messages: Vec<_> = (0..3).map(|_| peer.expect_publish()).collect();
        let seen: Vec<_> = messages.iter().map(|message| (message.topic.as_str(), &message.payload[..])).collect();
        assert_eq!(seen, [("a", &b"3"[..]), ("b", b"1"), ("a", b"plain")]);
        messages.iter().for_each(|message| peer.puback(message.id));
        peer.expect_disconnect();
    });
    let client = quick();
    client.max_queued_messages_set(3);
    let latest = || pmc::PublishOptions::new().qos(1).keep_latest();
    let first = client.publish("a", "1", latest()).expect("queued");
    client.publish("b", "1", latest()).expect("queued");
    let second = client.publish("a", "2", latest()).expect("queued");
    client.publish("a", "plain", 1).expect("queued");
    // The queue is full, but this one takes a place that is taken already.
    let third = client.publish("a", "3", latest()).expect("queued");
    for replaced in [first, second] {
        let error = replaced.wait_for_publish(None).expect_err("replaced");
        assert!(matches!(error, Error::Replaced), "{error:?}");
    }
    client.connect(HOST, broker.port()).expect("accepted");
    third.wait_for_publish(DEADLINE).expect("confirmed");
    client.disconnect().expect("all confirmed");
    broker.finish();
}

#[test]
fn refused_by_reason_code() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let first = peer.expect_publish();
        peer.ack_v5(0x40, first.id, 0x87, &property::text(0x1f, "not you"));
        let second = peer.expect_publish();
        // A refusal instead of PUBREC ends the exchange: no PUBREL follows.
        peer.ack_v5(0x50, second.id, 0x99, &[]);
        let third = peer.expect_publish();
        peer.ack_v5(0x40, third.id, 0x10, &[]);
        peer.expect_disconnect();
    });
    let client = quick_v5();
    let (tell, heard) = Probe::pair();
    client.on_publish(move |_, _, mid, code, properties| {
        let _ = tell.send((mid, code.value(), code.to_string(), properties.reason_string.clone()));
    });
    client.connect(HOST, broker.port()).expect("accepted");
    for (qos, value, name) in [(1, 0x87, "Not authorized"), (2, 0x99, "Payload format invalid")] {
        let info = client.publish("secret/topic", "x", qos).expect("connected");
        let error = info.wait_for_publish(DEADLINE).expect_err("refused");
        assert!(matches!(error, Error::PublishRefused { code, .. } if code == value), "{error:?}");
        let text = error.to_string();
        for part in ["secret/topic", name, "acl_file"] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
        assert!(!info.is_published());
    }
    // Nobody subscribes: still a success.
    let info = client.publish("t", "x", 1).expect("connected");
    info.wait_for_publish(DEADLINE).expect("confirmed");
    assert!(info.is_published());
    client.disconnect().expect("connected");
    let expected = [
        (1, 0x87, "Not authorized".to_owned(), Some("not you".to_owned())),
        (2, 0x99, "Payload format invalid".to_owned(), None),
        (3, 0x10, "No matching subscribers".to_owned(), None),
    ];
    assert_eq!(heard.rest(), expected);
    broker.finish();
}

#[test]
fn the_packets_of_each_qos() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let expected = |topic: &str, payload: &[u8], qos, retain, id| Publish {
            topic: topic.to_owned(),
            payload: payload.to_vec(),
            qos,
            retain,
            id,
            ..Publish::default()
        };
        assert_eq!(peer.expect_publish(), expected("zero", b"0", 0, false, 0));
        assert_eq!(peer.expect_publish(), expected("one", "é".as_bytes(), 1, true, 2));
        peer.puback(2);
        assert_eq!(peer.expect_publish(), expected("two", b"", 2, false, 3));
        peer.pubrec(3);
        assert_eq!(peer.expect_pubrel().id, 3);
        peer.pubcomp(3);
        assert_eq!(peer.expect_publish(), expected("bytes", &[0, 255], 1, false, 4));
        peer.puback(4);
        assert!(matches!(peer.read_to_eof()[..], [Packet::Disconnect(_)]));
    });
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    let wait = |info: pmc::MessageInfo| info.wait_for_publish(DEADLINE).expect("confirmed");
    wait(client.publish("zero", 0, 0).expect("connected"));
    wait(client.publish("one", "é", pmc::PublishOptions::new().qos(1).retain(true)).expect("connected"));
    wait(client.publish("two", (), pmc::Qos::ExactlyOnce).expect("connected"));
    wait(client.publish("bytes", [0_u8, 255], 1).expect("connected"));
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_message_taken_by_the_broker_is_not_sent_again() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let first = peer.expect_publish();
            let second = peer.expect_publish();
            peer.pubrec(first.id);
            assert_eq!(peer.expect_pubrel().id, first.id);
            assert_eq!((first.id, second.id), (1, 2));
        }),
        script(|peer| {
            peer.expect_connect();
            peer.connack(0, true);
            // The first is in the broker's hands: only its release is repeated. The second goes again.
            let mut packets = [peer.read_packet(), peer.read_packet()];
            packets.sort_by_key(|packet| matches!(packet, Packet::Publish(_)));
            let [Packet::PubRel(release), Packet::Publish(second)] = packets else { panic!("{packets:?}") };
            assert_eq!((release.id, second.id, second.dup, second.topic.as_str()), (1, 2, true, "second"));
            peer.pubcomp(1);
            peer.pubrec(2);
            assert_eq!(peer.expect_pubrel().id, 2);
            peer.pubcomp(2);
            peer.expect_disconnect();
        }),
    ]);
    let client = kept("kept", pmc::Protocol::V311);
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    let infos = ["first", "second"].map(|topic| client.publish(topic, "x", 2).expect("connected"));
    for info in &infos {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("connected");
    let mut confirmed: Vec<_> = told.rest();
    confirmed.retain(|event| matches!(event, Told::Publish { .. }));
    assert_eq!(confirmed, [1, 2].map(|mid| Told::Publish { mid, code: 0 }));
    broker.finish();
}

#[test]
fn a_new_session_gets_everything_again() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let first = peer.expect_publish();
            peer.expect_publish();
            peer.pubrec(first.id);
            peer.expect_pubrel();
        }),
        script(|peer| {
            peer.accept();
            for topic in ["first", "second"] {
                let message = peer.expect_publish();
                assert_eq!((message.topic.as_str(), message.dup), (topic, true), "as paho-python does");
                peer.pubrec(message.id);
            }
            for _ in 0..2 {
                let release = peer.expect_pubrel();
                peer.pubcomp(release.id);
            }
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    let infos = ["first", "second"].map(|topic| client.publish(topic, "x", 2).expect("connected"));
    for info in &infos {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn max_inflight_messages_on_the_wire() {
    const COUNT: usize = 12;
    let (tell, heard) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let mut ids: Vec<u16> = (0..3).map(|_| peer.expect_publish().id).collect();
        let _ = tell.send(());
        // A request passes them: nothing else was on its way before it.
        let subscribe = peer.expect_subscribe();
        peer.suback(subscribe.id, &[0]);
        for _ in 3..COUNT {
            peer.puback(ids.remove(0));
            let next = peer.expect_publish();
            ids.push(next.id);
            let _ = tell.send(());
            let subscribe = peer.expect_subscribe();
            peer.suback(subscribe.id, &[0]);
        }
        ids.iter().for_each(|id| peer.puback(*id));
        peer.expect_disconnect();
    });
    let client = quick();
    client.max_inflight_messages_set(3);
    assert_eq!(client.max_inflight_messages(), 3);
    client.connect(HOST, broker.port()).expect("accepted");
    for _ in 0..COUNT {
        client.publish("t", "x", 1).expect("connected");
    }
    for _ in 0..=COUNT - 3 {
        heard.next("the window to be full");
        client.subscribe("probe", 0).expect("connected");
    }
    client.disconnect().expect("all confirmed");
    broker.finish();
}

#[test]
fn receive_maximum_of_a_broker_of_5() {
    let (tell, heard) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.expect_connect();
        peer.connack_v5(0, false, &property::two_bytes(0x21, 2));
        let ids = [peer.expect_publish().id, peer.expect_publish().id];
        let _ = tell.send(());
        let subscribe = peer.expect_subscribe();
        peer.suback(subscribe.id, &[0]);
        ids.iter().for_each(|id| peer.puback(*id));
        let ids = [peer.expect_publish().id, peer.expect_publish().id];
        ids.iter().for_each(|id| peer.puback(*id));
        peer.expect_disconnect();
    });
    let client = quick_v5();
    client.connect(HOST, broker.port()).expect("accepted");
    for _ in 0..4 {
        client.publish("t", "x", 1).expect("connected");
    }
    heard.next("the window to be full");
    client.subscribe("probe", 0).expect("connected");
    client.disconnect().expect("all confirmed");
    broker.finish();
}

#[test]
fn large_payloads_arrive_whole() {
    let broker = Mosquitto::start();
    let client = quick();
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| {
        let _ = tell.send(message.payload.clone());
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("large", 2).expect("connected");
    client.loop_start().expect("no loop yet");
    let payload: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    for qos in 0..=2_u8 {
        client.publish("large", &payload[..], qos).expect("connected");
    }
    for _ in 0..3 {
        assert!(heard.next_within("a large payload", LONG) == payload, "not what was published");
    }
    returns_within("disconnect", LONG, move || client.disconnect().expect("all confirmed"));
}

/// Keeps the thread that wakes a future.
struct Keeps {
    reached: Sender<()>,
    release: Mutex<Receiver<()>>,
}

impl Wake for Keeps {
    fn wake(self: Arc<Self>) {
        let _ = self.reached.send(());
        let _ = self.release.lock().expect("one thread").recv_timeout(DEADLINE);
    }
}

#[test]
fn who_has_been_answered_writes_the_next_question_without_the_networks_thread() {
    let (tell, heard) = Probe::pair();
    let (polled, answer) = channel::<()>();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let first = peer.expect_publish();
        let _ = answer.recv_timeout(DEADLINE);
        peer.puback(first.id);
        let _ = tell.send(peer.expect_publish().topic);
        peer.expect_disconnect();
    });
    // The other engine's own thread must see each message.
    let client = builder().engine(pmc::Engine::Native).build().expect("valid");
    client.connect(HOST, broker.port()).expect("accepted");
    let (reached, woken) = Probe::pair();
    let (go_on, release) = channel();
    let waker = Waker::from(Arc::new(Keeps { reached, release: Mutex::new(release) }));
    let mut future = Box::pin(client.publish("first", "x", 1).expect("connected").into_future());
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    polled.send(()).expect("the script waits");
    woken.next("the confirmation");
    client.publish("second", "x", 0).expect("connected");
    assert_eq!(heard.next("the question behind it"), "second");
    go_on.send(()).expect("somebody waits");
    client.disconnect().expect("all confirmed");
    broker.finish();
}
