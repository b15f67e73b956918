//! Brokers that work together, and clients that know them all: nodes are killed, frozen and stopped under load, and
//! nothing that was accepted is missing. NATS leaves out a message now and then, for any client: there, nothing is missing that
//! a node has sent.
//!
//! Between the brokers and the subscriber the wire is listened to: what it shows reaches the callbacks, in its order, and
//! where something is missing it says whether a broker had sent it.
//!
//! One quick fail-over runs always, the rest with `RAPPEL_SOAK=1`; what they measure is printed.

mod trial;

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::client::HOST;
use crate::support::guarded::Signal;
use crate::support::mosquitto::Mosquitto;
use crate::support::nats::NatsCluster;
use crate::support::proxy::Proxy;
use crate::support::rabbitmq::RabbitMq;
use crate::support::trials::soak;
use crate::support::wait::wait_until;
use trial::{LONG, Order, Trial, pause};

#[test]
fn a_killed_nats_node_is_replaced_by_the_next() {
    let mut cluster = NatsCluster::start();
    let trial = Trial::on_nats("killed-once", &cluster.ports());
    let port = trial.port();
    let node = cluster.node(port);
    let back = trial.comes_back(&cluster.others(node), || cluster.kill(node));
    println!("NATS, kill -9: {back}");
    assert_ne!(trial.port(), port);
    trial.confirm_some();
    trial.finish("killed-once", Order::Wire);
}

#[test]
fn nats_nodes_that_are_killed_in_turn_lose_nothing() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let trial = Trial::on_nats("killed", &cluster.ports());
    for round in 1..=5 {
        let node = cluster.node(trial.port());
        let back = trial.comes_back(&cluster.others(node), || cluster.kill(node));
        println!("NATS, kill -9, round {round}: {back}");
        back.assert_soon(0);
        trial.confirm_some();
        cluster.restart(node);
        trial.confirm_some();
    }
    trial.finish("killed", Order::Wire);
}

#[test]
fn nats_nodes_that_are_frozen_in_turn_lose_nothing() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let mut trial = Trial::on_nats("frozen", &cluster.ports());
    trial.hang_up = true;
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
    trial.finish("frozen", Order::Wire);
}

#[test]
fn nats_nodes_that_restart_in_turn_lose_nothing() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let trial = Trial::on_nats("rolling", &cluster.ports());
    for round in 1..=2 {
        for node in 0..3 {
            if cluster.node(trial.port()) == node {
                let back = trial.comes_back(&cluster.others(node), || cluster.term(node));
                println!("NATS, TERM, round {round}: {back}");
                back.assert_soon(0);
            } else {
                cluster.term(node);
            }
            trial.confirm_some();
            cluster.restart(node);
            trial.confirm_some();
        }
    }
    trial.finish("rolling", Order::Wire);
}

#[test]
fn a_nats_cluster_that_was_down_is_found_again() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let mut trial = Trial::on_nats("down", &cluster.ports());
    trial.hang_up = true;
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
    trial.finish("down", Order::Wire);
}

#[test]
fn nats_nodes_that_are_killed_at_once_lose_nothing() {
    if !soak() {
        return;
    }
    let mut cluster = NatsCluster::start();
    let mut trial = Trial::on_nats("at-once", &cluster.ports());
    trial.hang_up = true;
    for round in 1..=5 {
        (0..3).for_each(|node| cluster.kill(node));
        wait_until("the loss", LONG, || !trial.publisher.is_connected());
        let back = trial.comes_back(&cluster.ports(), || (0..3).for_each(|node| cluster.launch(node)));
        println!("NATS, kill -9 of all three, round {round}: {back}");
        back.assert_soon(0);
        trial.confirm_some();
    }
    trial.finish("at-once", Order::Wire);
}

#[test]
fn a_slow_subscriber_that_goes_from_one_nats_node_to_the_next_misses_nothing() {
    if !soak() {
        return;
    }
    // What is not acknowledged comes again soon, under other packet ids at each node.
    let cluster = NatsCluster::start_with("ack_wait: \"2s\"");
    let trial = Trial::on_nats("slow", &cluster.ports());
    for _ in 0..5 {
        // All is acknowledged: the next message has the first packet id.
        trial.idle.store(true, Ordering::SeqCst);
        pause(Duration::from_secs(3));
        trial.busy.store(80, Ordering::SeqCst);
        trial.idle.store(false, Ordering::SeqCst);
        pause(Duration::from_millis(250));
        // What comes now is lost on its way, and comes again from the next node, while what came before waits here.
        trial.ways.iter().for_each(|way| way.swallow_to_client(true));
        pause(Duration::from_millis(250));
        trial.idle.store(true, Ordering::SeqCst);
        trial.ways.iter().for_each(Proxy::cut);
        trial.ways.iter().for_each(|way| way.swallow_to_client(false));
        pause(Duration::from_secs(3));
        trial.busy.store(0, Ordering::SeqCst);
    }
    trial.idle.store(false, Ordering::SeqCst);
    trial.finish("slow", Order::Wire);
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
    trial.finish("rabbit", Order::Topic);
}

#[test]
fn two_bridged_mosquittos_lose_nothing_of_qos_2() {
    if !soak() {
        return;
    }
    // With a window, 20 messages as a rule, a bridge that returns is sent more than its own end takes, hangs up, and does so
    // again at each attempt: what waits in the other broker never passes.
    let settings = "max_queued_messages 0\nmax_inflight_messages 0\n";
    let first = Mosquitto::builder().persistence(true).extra_config(settings).start();
    let bridge = format!(
        "{settings}connection first\naddress {HOST}:{}\ntopic # both 2\ncleansession false\nrestart_timeout 1\n\
         notifications false\nbridge_attempt_unsubscribe false",
        first.port()
    );
    let second = Mosquitto::builder().persistence(true).extra_config(&bridge).start();
    // A session that is a node's own waits there for its client: the subscriber stays with one, and hears of the other by
    // the bridge.
    let trial = Trial::start("bridged", &[first.port(), second.port()], &[second.port()], 2, false);
    for round in 1..=2 {
        for (used, other) in [(&first, &second), (&second, &first)] {
            assert_eq!(trial.port(), used.port());
            let back = trial.comes_back(&[other.port()], || used.term());
            println!("two bridged Mosquittos, TERM, round {round}: {back}");
            back.assert_soon(0);
            trial.confirm_some();
            used.restart();
            trial.confirm_some();
        }
        for (used, other) in [(&first, &second), (&second, &first)] {
            assert_eq!(trial.port(), used.port());
            let back = trial.comes_back(&[other.port()], || used.stop_signal());
            println!("two bridged Mosquittos, SIGSTOP, round {round}: {back}");
            back.assert_soon(1);
            trial.confirm_some();
            used.cont();
            trial.confirm_some();
        }
    }
    // What waits in the bridge while one is down has no place in the order of what the other takes meanwhile.
    trial.finish("bridged", Order::Connection);
}
