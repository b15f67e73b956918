//! A publisher and a subscriber on the same brokers, and what has to be true at their end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use log::Level;
use rappel as pmc;

use crate::support::client::{HOST, builder, kept_options};
use crate::support::logged::{keep_log, logged};
use crate::support::mosquitto::accepts;
use crate::support::proxy::Proxy;
use crate::support::scripted::packet::Publish;
use crate::support::wait::{Probe, holds_within, wait_until};
use crate::support::wire::Wire;

/// How long a cluster may take to find itself again.
pub(super) const LONG: Duration = Duration::from_secs(180);
/// How many messages NATS may leave out: 2.9.10 passes over one for one of its subscribers now and then, when nodes have
/// ended, whichever client it is.
const MOST_LEFT_OUT: usize = 5;
/// How long NATS may be silent before that is taken for its end: three times its `ack_wait`.
const SILENCE: Duration = Duration::from_secs(90);
/// Topics, to see that each keeps its order.
const TOPICS: usize = 4;
/// The time limit of each node, in seconds.
const NODE_LIMIT: u64 = 5;
/// The longest pause between two rounds, in seconds, but for the fifth that chance adds.
const LONGEST_PAUSE: f64 = 1.0;

/// A publisher and a subscriber that know the same brokers.
pub(super) struct Trial {
    pub(super) publisher: pmc::Client,
    subscriber: pmc::Client,
    /// The ports of the brokers that have accepted the publisher.
    connected: Probe<u16>,
    /// Each message that came.
    heard: Probe<Heard>,
    /// What the brokers have sent to the subscriber, which is connected by these proxies.
    wire: Wire,
    pub(super) ways: Vec<Proxy>,
    /// How long the subscriber is busy with a message, in milliseconds.
    pub(super) busy: Arc<AtomicU64>,
    /// Nothing is published meanwhile.
    pub(super) idle: Arc<AtomicBool>,
    pub(super) attempts: Arc<AtomicUsize>,
    /// How many messages the brokers may never send to the subscriber.
    most_left_out: usize,
    /// The brokers hang up on a client again and again, as NATS does for some time after a node was frozen, or all were down; the
    /// client says so.
    pub(super) hang_up: bool,
    /// Closes to end the load.
    stop: Option<Sender<()>>,
    load: Option<thread::JoinHandle<Vec<pmc::MessageInfo>>>,
    /// When each message was confirmed, as far as they are, and on which of the publisher's connections.
    confirmed: Arc<Mutex<BTreeMap<usize, (Instant, usize)>>>,
}

/// A message as a callback gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    /// The publisher's number for it.
    number: usize,
    id: u16,
    /// Its broker says that it may have come before.
    dup: bool,
}

/// In which order messages arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Each topic keeps its order.
    Topic,
    /// Of each topic, what was confirmed on the same connection keeps its order.
    Connection,
    /// That of the wire alone: NATS repeats what a node had sent before it ended behind newer ones, with DUP and without.
    Wire,
}

/// How long it took until the publisher was back.
pub(super) struct Return {
    /// Until a broker accepted anybody.
    available: Duration,
    /// Until one had accepted the publisher.
    connected: Duration,
    /// Until another message was confirmed.
    confirmed: Duration,
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Return { available, connected, confirmed } = self;
        write!(
            f,
            "brokers accept after {available:.1?}, connected after {connected:.1?}, confirmed after {confirmed:.1?}"
        )
    }
}

impl Return {
    /// The publisher was back within one node's time limit of what the brokers allowed, a pause between two rounds, and the
    /// time limits of those that are `silent`.
    pub(super) fn assert_soon(&self, silent: u64) {
        let limit = Duration::from_secs(NODE_LIMIT * (1 + silent)) + Duration::from_secs_f64(1.2 * LONGEST_PAUSE);
        assert!(self.connected < self.available + limit, "{self}");
    }
}

/// A client with a kept session on all `ports`, not connected.
fn client(id: &str, ports: &[u16], shared: bool) -> pmc::Client {
    let options = kept_options(pmc::Protocol::V311).keepalive(1).sessions_are_shared(shared);
    let brokers = ports.iter().map(|port| (HOST, *port));
    let builder = builder().client_id(id).clean_session(false).brokers(brokers).connect_options(options);
    let client = builder.build().expect("a client");
    client.reconnect_delay_set(0.2, LONGEST_PAUSE).expect("delays");
    client.connect_timeout_set(NODE_LIMIT).expect("a time");
    client
}

impl Trial {
    /// A publisher and a subscriber on the same brokers, which share their sessions.
    pub(super) fn on_nats(name: &str, ports: &[u16]) -> Self {
        Trial { most_left_out: MOST_LEFT_OUT, ..Self::start(name, ports, ports, 1, true) }
    }

    /// Publishes 200 messages a second with `qos`, until it is ended.
    pub(super) fn start(name: &str, to: &[u16], from: &[u16], qos: i32, shared: bool) -> Self {
        keep_log();
        let wire = Wire::default();
        let ways: Vec<Proxy> = from.iter().map(|port| Proxy::heard(*port, &wire)).collect();
        let from: Vec<u16> = ways.iter().map(Proxy::port).collect();
        let subscriber = client(&format!("{name}-subscriber"), &from, shared);
        let (tell, heard) = Probe::pair();
        let busy: Arc<AtomicU64> = Arc::default();
        let work = Arc::clone(&busy);
        subscriber.on_message(move |_, _, message| {
            let number = message.payload_as().expect("a number");
            pause(Duration::from_millis(work.load(Ordering::SeqCst)));
            let _ = tell.send(Heard { number, id: message.mid, dup: message.dup });
        });
        let (tell, subscribed) = Probe::pair();
        subscriber.on_subscribe(move |_, _, _, _, _| {
            let _ = tell.send(());
        });
        subscriber.loop_start().expect("a loop");
        wait_until("the subscriber's connection", LONG, || subscriber.is_connected());
        subscriber.subscribe(format!("{name}/#"), qos).expect("accepted");
        subscribed.next_within("the subscription", LONG);

        let publisher = client(&format!("{name}-publisher"), to, shared);
        let (tell, connected) = Probe::pair();
        let connections: Arc<AtomicUsize> = Arc::default();
        let count = Arc::clone(&connections);
        publisher.on_connect(move |client, _, _, code, _| {
            if code == 0 {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = tell.send(client.port());
            }
        });
        let attempts: Arc<AtomicUsize> = Arc::default();
        let confirmed: Arc<Mutex<BTreeMap<usize, (Instant, usize)>>> = Arc::default();
        let count = Arc::clone(&attempts);
        publisher.on_pre_connect(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let moments = Arc::clone(&confirmed);
        publisher.on_publish(move |_, _, mid, code, _| {
            assert_eq!(code, 0);
            let moment = (Instant::now(), connections.load(Ordering::SeqCst));
            // It publishes nothing else.
            moments.lock().expect("no panic").insert(usize::from(mid) - 1, moment);
        });
        publisher.loop_start().expect("a loop");
        let (stop, stopped) = channel::<()>();
        let idle: Arc<AtomicBool> = Arc::default();
        let waits = Arc::clone(&idle);
        let (to, topic) = (publisher.clone(), name.to_owned());
        let load = thread::spawn(move || {
            let mut infos = Vec::new();
            while stopped.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
                if waits.load(Ordering::SeqCst) {
                    continue;
                }
                let number = infos.len();
                let topic = format!("{topic}/{}", number % TOPICS);
                infos.push(to.publish(topic, number.to_string(), qos).expect("accepted"));
            }
            infos
        });
        let (stop, load) = (Some(stop), Some(load));
        let trial = Trial {
            publisher,
            subscriber,
            connected,
            heard,
            wire,
            ways,
            busy,
            idle,
            most_left_out: 0,
            hang_up: false,
            attempts,
            stop,
            load,
            confirmed,
        };
        trial.confirm_some();
        trial
    }

    /// The port of the broker that has accepted the publisher last.
    pub(super) fn port(&self) -> u16 {
        self.publisher.port()
    }

    /// Waits for a hundred more confirmations.
    pub(super) fn confirm_some(&self) {
        let before = self.confirmations();
        wait_until("a hundred confirmations", LONG, || self.confirmations() >= before + 100);
    }

    fn confirmations(&self) -> usize {
        self.confirmed.lock().expect("no panic").len()
    }

    /// Does `what` to the brokers and sees the publisher return, while others try those on `ports`.
    pub(super) fn comes_back(&self, ports: &[u16], what: impl FnOnce()) -> Return {
        self.connected.rest();
        let begin = Instant::now();
        what();
        let (tell, accepted) = Probe::pair();
        for port in ports.iter().copied() {
            let tell = tell.clone();
            thread::spawn(move || {
                if holds_within(LONG, || accepts(port)) {
                    let _ = tell.send(begin.elapsed());
                }
            });
        }
        self.connected.next_within("the publisher's return", LONG);
        let connected = begin.elapsed();
        let before = self.confirmations();
        wait_until("another confirmation", LONG, || self.confirmations() > before);
        let confirmed = begin.elapsed();
        Return { available: accepted.next("a broker that accepts"), connected, confirmed }
    }

    /// Ends the load; everything accepted is confirmed and has arrived, in `order`.
    pub(super) fn finish(mut self, name: &str, order: Order) {
        drop(self.stop.take());
        let infos = self.load.take().expect("once").join().expect("no panic");
        for info in &infos {
            info.wait_for_publish(LONG).expect("confirmed");
        }
        let (mut heard, mut firsts, mut seen) = (Vec::new(), Vec::new(), vec![false; infos.len()]);
        let mut left_out = 0;
        while seen.contains(&false) {
            let mut next = None;
            let patience = if self.most_left_out > 0 { SILENCE } else { LONG };
            if !holds_within(patience, || {
                next = self.heard.next_if_there();
                next.is_some()
            }) {
                left_out = self.left_out(name, &seen);
                break;
            }
            let Some(message) = next else { continue };
            heard.push(message);
            if !std::mem::replace(&mut seen[message.number], true) {
                firsts.push(message.number);
            }
        }
        // Each topic has been taken in its order, whatever becomes of it on the way to the subscriber.
        let confirmed = self.confirmed.lock().expect("no panic").clone();
        for topic in 0..TOPICS {
            let of_topic = confirmed.iter().filter(|(number, _)| *number % TOPICS == topic);
            let moments = of_topic.map(|(_, (moment, _))| moment);
            assert!(moments.is_sorted(), "{name}: topic {topic} was confirmed out of order");
        }
        self.check_wire(name, &heard);
        let behind_others = late(&firsts, |number| (number % TOPICS, 0));
        let on_connection = late(&firsts, |number| (number % TOPICS, confirmed[&number].1));
        println!(
            "{name}: {} messages confirmed, {left_out} of them never sent by a broker, {} came again, {behind_others} behind a \
             later one of their topic, {on_connection} behind one that was confirmed on the same connection",
            infos.len(),
            heard.len() - firsts.len()
        );
        match order {
            Order::Topic => assert_eq!(behind_others, 0, "{name}: each topic keeps its order"),
            Order::Connection => assert_eq!(on_connection, 0, "{name}: each connection keeps its order"),
            Order::Wire => {}
        }
        let suspicion = if self.hang_up { "another client has connected" } else { "" };
        for id in ["publisher", "subscriber"] {
            let lines = logged(Level::Error, &[&format!("{name}-{id}"), suspicion]);
            assert!(lines.is_empty(), "a node's end was taken for a second client: {lines:?}");
        }
        self.publisher.disconnect().expect("everything is confirmed");
        self.subscriber.disconnect().expect("connected");
    }

    /// The callbacks got nothing but what stood on the wire, in its order.
    fn check_wire(&self, name: &str, heard: &[Heard]) {
        let sent = self.sent();
        let mut sent = sent.iter();
        for message in heard {
            assert!(sent.any(|other| other == message), "{name}: {message:?} is not where it stood on the wire");
        }
    }

    /// What the brokers have sent to the subscriber.
    fn sent(&self) -> Vec<Heard> {
        let heard = |message: Publish| {
            let text = String::from_utf8(message.payload).expect("text");
            Heard { number: text.parse().expect("a number"), id: message.id, dup: message.dup }
        };
        self.wire.messages().into_iter().map(heard).collect()
    }
}

/// How many come behind a later one of their group.
fn late(numbers: &[usize], group: impl Fn(usize) -> (usize, usize)) -> usize {
    let mut newest = BTreeMap::new();
    let mut late = 0;
    for number in numbers {
        let newest = newest.entry(group(*number)).or_insert(*number);
        late += usize::from(*newest > *number);
        *newest = *number.max(newest);
    }
    late
}

impl Trial {
    /// How many of those that have not come no broker has sent. All others are the client's fault.
    fn left_out(&self, name: &str, seen: &[bool]) -> usize {
        let confirmed = self.confirmed.lock().expect("no panic");
        let sent: BTreeSet<usize> = self.sent().iter().map(|message| message.number).collect();
        let missing: Vec<usize> = (0..seen.len()).filter(|number| !seen[*number]).collect();
        let sent = missing.iter().filter(|number| sent.contains(number)).count();
        let ago = |number: &usize| confirmed.get(number).map(|(moment, _)| moment.elapsed());
        let some: Vec<_> = missing.iter().take(10).map(|number| format!("{number} ({:?})", ago(number))).collect();
        let report = format!(
            "{name}: missing {} of {}, {sent} of them sent by a broker, confirmed before: {}",
            missing.len(),
            seen.len(),
            some.join(", ")
        );
        println!("{report}");
        assert!(sent == 0 && missing.len() <= self.most_left_out, "{report}");
        missing.len()
    }
}

/// Lets time pass in which nothing is to happen.
pub(super) fn pause(time: Duration) {
    let (_keep, never) = channel::<()>();
    assert_eq!(never.recv_timeout(time), Err(RecvTimeoutError::Timeout));
}
