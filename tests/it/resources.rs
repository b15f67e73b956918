//! What clients cost and leave behind: threads, descriptors, memory; and that one client's trouble is its own.
//!
//! What is counted runs in a process of its own.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use rappel as pmc;

use crate::support::client::{HOST, builder, quick};
use crate::support::dead_address::DeadAddress;
use crate::support::mosquitto::Mosquitto;
use crate::support::proxy::Proxy;
use crate::support::resources::{descriptors, resident_kib, threads};
use crate::support::trials::{Chance, alone, rounds};
use crate::support::wait::{DEADLINE, Probe, holds_within, returns, wait_until};

/// What the allocator may keep after so many clients, in KiB. One client's Paho, queues and tables are about 100.
const MEMORY_KIB: usize = 8 * 1024;

/// Threads and descriptors of a process at rest, and its memory.
fn at_rest() -> (usize, usize, usize) {
    (threads(), descriptors(), resident_kib())
}

/// Waits until no more is held than `before`; descriptors and threads end soon after their client, on threads of their own.
fn assert_as_before(before: (usize, usize, usize)) {
    let back = holds_within(DEADLINE, || threads() <= before.0 && descriptors() <= before.1);
    let after = at_rest();
    println!("threads, descriptors, memory (KiB): {before:?} before, {after:?} after");
    assert!(back, "threads and descriptors were {before:?}, they are {after:?}");
    assert!(after.2 < before.2 + MEMORY_KIB, "memory was {} KiB, it is {}", before.2, after.2);
}

/// A whole life: connect, a message, the end.
fn life(port: u16, looped: bool) {
    let client = quick();
    client.connect(HOST, port).expect("a broker");
    if looped {
        client.loop_start().expect("a loop");
    }
    client.publish("t", vec![0; 10_000], 1).expect("accepted");
}

#[test]
fn a_thousand_lives_leave_nothing_behind() {
    println!("{}", alone("resources::lives_one_after_another", &[]));
}

#[test]
#[ignore = "run by a_thousand_lives_leave_nothing_behind, alone in its process"]
fn lives_one_after_another() {
    let broker = Mosquitto::start();
    (0..20).for_each(|number| life(broker.port(), number % 2 == 0));
    wait_until("the first clients to be gone", DEADLINE, || threads() <= 6);
    let before = at_rest();
    (0..rounds(100, 1_000)).for_each(|number| life(broker.port(), number % 2 == 0));
    assert_as_before(before);
}

#[test]
fn an_attempt_given_up_at_any_moment_leaves_nothing_behind() {
    println!("{}", alone("resources::attempts_given_up", &[]));
}

/// An attempt that is dropped after `moment`, wherever it stands then.
fn attempt(port: u16, moment: Duration, subscribed: bool) {
    let client = quick();
    client.connect_timeout_set(Duration::from_millis(500)).expect("a time");
    client.connect_async(HOST, port).expect("wanted");
    client.loop_start().expect("a loop");
    let _ = client.publish("t", "x", 1);
    if subscribed {
        let _ = client.subscribe("#", 0);
    }
    let until = Instant::now() + moment;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

#[test]
#[ignore = "run by an_attempt_given_up_at_any_moment_leaves_nothing_behind, alone in its process"]
fn attempts_given_up() {
    let broker = Mosquitto::start();
    let silent = Proxy::to(broker.port());
    silent.swallow(true);
    let trickling = Proxy::to(broker.port());
    trickling.chunk(1);
    let deaf = Proxy::to(broker.port());
    deaf.swallow_to_client(true);
    let refusing = Proxy::to(broker.port());
    refusing.refuse(true);
    let ports = [broker.port(), silent.port(), trickling.port(), deaf.port(), refusing.port(), 1];
    let play = |count: usize, chance: &mut Chance| {
        for number in 0..count {
            // Connections take one to three milliseconds here; what waits for a silent broker is cut short.
            let moment = Duration::from_micros(chance.below(4_000) as u64);
            let port = ports[number % ports.len()];
            returns(&format!("attempt {number}"), move || attempt(port, moment, number % 2 == 0));
        }
    };
    let mut chance = Chance::new(3);
    play(30, &mut chance);
    for proxy in [&silent, &trickling, &deaf, &refusing] {
        wait_until("the proxies to be empty", DEADLINE, || {
            proxy.cut();
            proxy.connections() == 0
        });
    }
    wait_until("the first attempts to be gone", DEADLINE, || threads() <= 20);
    let before = at_rest();
    play(rounds(60, 1_000), &mut chance);
    for proxy in [&silent, &trickling, &deaf, &refusing] {
        proxy.cut();
    }
    // What the allocator keeps for so many threads side by side levels off: after 1,000 attempts it is as much as after
    // 8,000, some 10 MiB.
    assert_as_before((before.0, before.1, before.2 + 2 * MEMORY_KIB));
}

#[test]
fn two_hundred_clients_in_one_process() {
    println!("{}", alone("resources::two_hundred_clients", &[]));
}

#[test]
#[ignore = "run by two_hundred_clients_in_one_process, alone in its process"]
fn two_hundred_clients() {
    const CLIENTS: usize = 200;
    let broker = Mosquitto::start();
    life(broker.port(), true);
    let before = at_rest();
    let (tell, heard) = Probe::pair();
    let (ready, subscribed) = Probe::pair();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = quick();
            let (tell, ready) = (tell.clone(), ready.clone());
            client.on_message(move |_, _, message| {
                let _ = tell.send((number, message.payload_str().into_owned()));
            });
            client.on_subscribe(move |_, _, _, _, _| {
                let _ = ready.send(());
            });
            client.connect(HOST, broker.port()).expect("a broker");
            client.loop_start().expect("a loop");
            client.subscribe(format!("to/{number}"), 1).expect("asked for");
            client
        })
        .collect();
    subscribed.take(CLIENTS, "the subscriptions");
    // Each writes to its neighbour.
    for (number, client) in clients.iter().enumerate() {
        let neighbour = (number + 1) % CLIENTS;
        client.publish(format!("to/{neighbour}"), neighbour.to_string(), 1).expect("accepted");
    }
    let mut arrived = heard.take(CLIENTS, "a message for each");
    arrived.sort_unstable();
    let expected: Vec<_> = (0..CLIENTS).map(|number| (number, number.to_string())).collect();
    assert_eq!(arrived, expected);
    println!("with all of them: threads, descriptors, memory (KiB): {:?}", at_rest());
    drop(clients);
    assert_as_before((before.0, before.1, before.2 + 8 * MEMORY_KIB));
}

#[test]
fn a_dead_address_of_one_client_is_nothing_to_the_others() {
    let dead = DeadAddress::new();
    let broker = Mosquitto::start();
    let stuck = quick();
    stuck.connect_timeout_set(Duration::from_secs(3_600)).expect("a time");
    let (tell, told) = Probe::pair();
    let trying = stuck.clone();
    let thread = std::thread::spawn(move || {
        let _ = tell.send(Ok(()));
        let _ = tell.send(trying.connect(HOST, dead.port()));
    });
    told.next("the attempt begins").expect("begun");
    // Others connect, publish, lose their connection and come back meanwhile.
    let proxy = Proxy::to(broker.port());
    let other = quick();
    let (tell, connected) = Probe::pair();
    other.on_connect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    other.connect(HOST, proxy.port()).expect("a broker");
    other.loop_start().expect("a loop");
    for _ in 0..5 {
        connected.next("a connection");
        other.publish("t", "x", 2).expect("accepted").wait_for_publish(DEADLINE).expect("confirmed");
        proxy.cut();
    }
    connected.next("a connection");
    other.disconnect().expect("an orderly end");
    assert!(told.rest().is_empty(), "the dead address has answered");
    // And who waits for nobody can give up at once.
    let _ = stuck.disconnect();
    assert!(matches!(told.next("the end of the attempt"), Err(pmc::Error::Cancelled)));
    thread.join().expect("no panic");
}

#[test]
fn an_idle_client_costs_no_thread_and_twelve_kilobytes() {
    println!("{}", alone("resources::idle_clients", &[]));
}

#[test]
#[ignore = "run by an_idle_client_costs_no_thread_and_twelve_kilobytes, alone in its process"]
fn idle_clients() {
    const CLIENTS: usize = 300;
    let broker = Mosquitto::start();
    let pool = pmc::LoopPool::new(1).expect("a thread");
    let (tell, heard) = Probe::pair();
    let connect = |number: usize| {
        let client = builder().engine(pmc::Engine::Native).build().expect("valid");
        let tell = tell.clone();
        client.on_connect(move |client, _, _, _, _| {
            client.subscribe(format!("idle/{number}"), 1).map(drop).map_err(Into::into)
        });
        client.on_subscribe(move |_, _, _, _, _| {
            let _ = tell.send(());
        });
        client.connect_async(HOST, broker.port()).expect("valid");
        client.loop_start_on(&pool).expect("no loop yet");
        client
    };
    // With the first one comes what all share.
    let first = connect(0);
    heard.take(1, "the first subscription");
    wait_until("the end of its attempt's thread", DEADLINE, || threads() <= 4);
    let (threads_before, _, memory_before) = at_rest();
    let clients: Vec<_> = (1..=CLIENTS).map(connect).collect();
    heard.take(CLIENTS, "every subscription");
    wait_until("the end of the attempts' threads", DEADLINE, || threads() <= threads_before);
    let each = (resident_kib() - memory_before) as f64 / CLIENTS as f64;
    println!("{each:.1} KiB for each client");
    assert!(each <= 12.0, "{each:.1} KiB for each client");
    drop((first, clients));
}
