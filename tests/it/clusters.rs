//! Brokers that work together, and clients that know them all: nodes are killed, frozen and stopped under load, and
//! nothing that was accepted is missing.
//!
//! One quick fail-over runs always, the rest with `RAPPEL_SOAK=1`; what they measure is printed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use log::Level;
use rappel as pmc;

use crate::support::client::{HOST, builder, kept_options};
use crate::support::guarded::Signal;
use crate::support::logged::{is_logged, keep_log};
use crate::support::mosquitto::{Mosquitto, accepts};
use crate::support::nats::NatsCluster;
use crate::support::rabbitmq::RabbitMq;
use crate::support::trials::soak;
use crate::support::wait::{Probe, holds_within, wait_until};

/// How long a cluster may take to find itself again.
const LONG: Duration = Duration::from_secs(180);
/// Topics, to see that each keeps its order.
const TOPICS: usize = 4;
/// The time limit of each node, in seconds.
const NODE_LIMIT: u64 = 5;
/// The longest pause between two rounds, in seconds, but for the fifth that chance adds.
const LONGEST_PAUSE: f64 = 1.0;

/// A publisher and a subscriber that know the same brokers.
struct Trial {
    publisher: pmc::Client,
    subscriber: pmc::Client,
    /// The ports of the brokers that have accepted the publisher.
    connected: Probe<u16>,
    /// The number of each message that came, and whether its broker says that it may have come before.
    heard: Probe<(usize, bool)>,
    attempts: Arc<AtomicUsize>,
    /// Closes to end the load.
    stop: Option<Sender<()>>,
    load: Option<thread::JoinHandle<Vec<pmc::MessageInfo>>>,
    /// When each message was confirmed, as far as they are.
    confirmed: Arc<Mutex<BTreeMap<usize, Instant>>>,
}

/// How long it took until the publisher was back.
struct Return {
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
    fn assert_soon(&self, silent: u64) {
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
    fn on_cluster(name: &str, ports: &[u16]) -> Self {
        Self::start(name, ports, ports, 1, true)
    }

    /// Publishes 200 messages a second with `qos`, until it is ended.
    fn start(name: &str, to: &[u16], from: &[u16], qos: i32, shared: bool) -> Self {
        keep_log();
        let subscriber = client(&format!("{name}-subscriber"), from, shared);
        let (tell, heard) = Probe::pair();
        subscriber.on_message(move |_, _, message| {
            let number = message.payload_as().expect("a number");
            let _ = tell.send((number, message.dup));
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
        publisher.on_connect(move |client, _, _, code, _| {
            if code == 0 {
                let _ = tell.send(client.port());
            }
        });
        let (attempts, confirmed): (Arc<AtomicUsize>, Arc<Mutex<BTreeMap<usize, Instant>>>) = Default::default();
        let count = Arc::clone(&attempts);
        publisher.on_pre_connect(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let moments = Arc::clone(&confirmed);
        publisher.on_publish(move |_, _, mid, code, _| {
            assert_eq!(code, 0);
            // It publishes nothing else.
            moments.lock().expect("no panic").insert(usize::from(mid) - 1, Instant::now());
        });
        publisher.loop_start().expect("a loop");
        let (stop, stopped) = channel::<()>();
        let (to, topic) = (publisher.clone(), name.to_owned());
        let load = thread::spawn(move || {
            let mut infos = Vec::new();
            while stopped.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
                let number = infos.len();
                let topic = format!("{topic}/{}", number % TOPICS);
                infos.push(to.publish(topic, number.to_string(), qos).expect("accepted"));
            }
            infos
        });
        let (stop, load) = (Some(stop), Some(load));
        let trial = Trial { publisher, subscriber, connected, heard, attempts, stop, load, confirmed };
        trial.confirm_some();
        trial
    }

    /// The port of the broker that has accepted the publisher last.
    fn port(&self) -> u16 {
        self.publisher.port()
    }

    /// Waits for a hundred more confirmations.
    fn confirm_some(&self) {
        let before = self.confirmations();
        wait_until("a hundred confirmations", LONG, || self.confirmations() >= before + 100);
    }

    fn confirmations(&self) -> usize {
        self.confirmed.lock().expect("no panic").len()
    }

    /// Does `what` to the brokers and sees the publisher return, while others try those on `ports`.
    fn comes_back(&self, ports: &[u16], what: impl FnOnce()) -> Return {
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

    /// Ends the load; everything accepted is confirmed and has arrived, in the order of its topic.
    fn finish(self, name: &str) {
        let late = self.finish_in_any_order(name);
        assert_eq!(late, 0, "{name}: each topic keeps its order");
    }

    /// Ends the load; everything accepted is confirmed and has arrived. Gives how many messages came behind a later one.
    fn finish_in_any_order(mut self, name: &str) -> usize {
        drop(self.stop.take());
        let infos = self.load.take().expect("once").join().expect("no panic");
        for info in &infos {
            info.wait_for_publish(LONG).expect("confirmed");
        }
        let (mut newest, mut seen, mut again, mut late) = ([0; TOPICS], vec![false; infos.len()], 0, 0);
        let mut repeated = 0;
        while seen.contains(&false) {
            let mut next = None;
            if !holds_within(LONG, || {
                next = self.heard.next_if_there();
                next.is_some()
            }) {
                panic!("{name}: missing {}", self.missing(&seen));
            }
            let Some((number, dup)) = next else { continue };
            if std::mem::replace(&mut seen[number], true) {
                again += 1;
                continue;
            }
            let newest: &mut usize = &mut newest[number % TOPICS];
            if *newest > number {
                // What a broker sends again may come behind what is new.
                late += usize::from(!dup);
                repeated += usize::from(dup);
            }
            *newest = number.max(*newest);
        }
        println!(
            "{name}: {} messages confirmed and delivered, {again} twice, {repeated} late as the broker sent them again, \
             {late} out of order",
            infos.len()
        );
        // The brokers have taken each topic in order, whatever becomes of it on the way to the subscriber.
        let confirmed = self.confirmed.lock().expect("no panic").clone();
        for topic in 0..TOPICS {
            let moments = confirmed.iter().filter(|(number, _)| *number % TOPICS == topic).map(|(_, moment)| moment);
            assert!(moments.is_sorted(), "{name}: topic {topic} was confirmed out of order");
        }
        for id in ["publisher", "subscriber"] {
            let id = format!("{name}-{id}");
            assert!(!is_logged(Level::Error, &[&id]), "a node's end was taken for a second client");
        }
        self.publisher.disconnect().expect("everything is confirmed");
        self.subscriber.disconnect().expect("connected");
        late
    }
}

impl Trial {
    /// Which messages have not come, and how long ago they were confirmed.
    fn missing(&self, seen: &[bool]) -> String {
        let confirmed = self.confirmed.lock().expect("no panic");
        let numbers = (0..seen.len()).filter(|number| !seen[*number]);
        let ago = |number: usize| confirmed.get(&number).map(|moment| moment.elapsed());
        let some: Vec<_> = numbers.clone().take(10).map(|number| format!("{number} ({:?})", ago(number))).collect();
        format!("{} of {}, confirmed before: {}", numbers.count(), seen.len(), some.join(", "))
    }
}

#[test]
fn a_killed_nats_node_is_replaced_by_the_next() {
    let mut cluster = NatsCluster::start();
    let trial = Trial::on_cluster("killed-once", &cluster.ports());
    let port = trial.port();
    let node = cluster.node(port);
    let back = trial.comes_back(&cluster.others(node), || cluster.kill(node));
    println!("NATS, kill -9: {back}");
    assert_ne!(trial.port(), port);
    trial.confirm_some();
    trial.finish("killed-once");
}

#[test]
fn nats_nodes_that_are_killed_in_turn_lose_nothing() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let trial = Trial::on_cluster("killed", &cluster.ports());
    for round in 1..=5 {
        let node = cluster.node(trial.port());
        let back = trial.comes_back(&cluster.others(node), || cluster.kill(node));
        println!("NATS, kill -9, round {round}: {back}");
        back.assert_soon(0);
        trial.confirm_some();
        cluster.restart(node);
        trial.confirm_some();
    }
    trial.finish("killed");
}

#[test]
fn nats_nodes_that_are_frozen_in_turn_lose_nothing() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let trial = Trial::on_cluster("frozen", &cluster.ports());
    for round in 1..=3 {
        let node = cluster.node(trial.port());
        let back = trial.comes_back(&cluster.others(node), || cluster.freeze(node));
        println!("NATS, SIGSTOP, round {round}: {back}");
        back.assert_soon(1);
        trial.confirm_some();
        cluster.thaw(node);
        cluster.wait_ready(node);
        trial.confirm_some();
    }
    // What a node was about to send when it was frozen comes late, by its own clock (`ack_wait`).
    trial.finish_in_any_order("frozen");
}

#[test]
fn nats_nodes_that_restart_in_turn_lose_nothing() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let trial = Trial::on_cluster("rolling", &cluster.ports());
    for round in 1..=2 {
        for node in 0..3 {
            cluster.term(node);
            trial.confirm_some();
            cluster.restart(node);
            trial.confirm_some();
        }
        println!("NATS, rolling restart {round} done");
    }
    trial.finish("rolling");
}

#[test]
fn a_nats_cluster_that_was_down_is_found_again() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let trial = Trial::on_cluster("down", &cluster.ports());
    (0..3).for_each(|node| cluster.term(node));
    wait_until("the loss", LONG, || !trial.publisher.is_connected());
    let before = trial.attempts.load(Ordering::SeqCst);
    pause(Duration::from_secs(10));
    let attempts = trial.attempts.load(Ordering::SeqCst) - before;
    // After the first rounds, one a second.
    assert!(attempts <= 3 * 20, "{attempts} attempts in ten seconds");
    let back = trial.comes_back(&cluster.ports(), || (0..3).for_each(|node| cluster.launch(node)));
    println!("NATS, all down: {attempts} attempts in 10 s; {back}");
    back.assert_soon(0);
    trial.confirm_some();
    trial.finish("down");
}

#[test]
fn rabbitmq_loses_nothing_when_it_is_stopped_or_killed() {
    if !soak() {
        return;
    }
    let mut broker = RabbitMq::start();
    let ports = [broker.port()];
    let trial = Trial::start("rabbit", &ports, &ports, 1, false);
    for (name, signal) in [("TERM", Signal::TERM), ("KILL", Signal::KILL)] {
        broker.end(signal);
        let back = trial.comes_back(&ports, || broker.launch());
        println!("RabbitMQ, {name}: {back}");
        back.assert_soon(0);
        trial.confirm_some();
    }
    trial.finish("rabbit");
}

#[test]
fn two_bridged_mosquittos_lose_nothing_of_qos_2() {
    if !soak() {
        return;
    }
    let first = Mosquitto::builder().persistence(true).extra_config("max_queued_messages 0").start();
    let bridge = format!(
        "max_queued_messages 0\nconnection first\naddress {HOST}:{}\ntopic # both 2\ncleansession false\n\
         restart_timeout 1\nnotifications false\nbridge_attempt_unsubscribe false",
        first.port()
    );
    let second = Mosquitto::builder().persistence(true).extra_config(&bridge).start();
    // A session that is a node's own waits there for its client: the subscriber stays with one, and hears of the other by
    // the bridge.
    let trial = Trial::start("bridged", &[first.port(), second.port()], &[second.port()], 2, false);
    let back = trial.comes_back(&[second.port()], || first.term());
    println!("two bridged Mosquittos, TERM: {back}");
    back.assert_soon(0);
    trial.confirm_some();
    first.restart();
    trial.confirm_some();
    // What waits in the bridge while one is down is late, as it has no place in the order of the other.
    trial.finish_in_any_order("bridged");
}

/// Lets time pass in which nothing is to happen.
fn pause(time: Duration) {
    let (_keep, never) = channel::<()>();
    assert_eq!(never.recv_timeout(time), Err(RecvTimeoutError::Timeout));
}
