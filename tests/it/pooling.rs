//! A pool's threads: the loops of many clients on few of them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe, returns, wait_until};

#[test]
fn many_clients_share_few_threads_and_each_runs_on_one_at_a_time() {
    const CLIENTS: usize = 40;
    const MESSAGES: usize = 20;
    let broker = Mosquitto::start();
    let pool = pmc::LoopPool::new(2).expect("threads");
    let used: Arc<Mutex<HashSet<ThreadId>>> = Arc::default();
    let (tell, heard) = Probe::pair();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = quick();
            let (used, tell, running) = (Arc::clone(&used), tell.clone(), AtomicBool::new(false));
            client.on_message(move |_, _, msg| {
                assert!(!running.swap(true, Ordering::SeqCst), "two callbacks of one client at a time");
                used.lock().expect("no panic").insert(thread::current().id());
                thread::yield_now();
                running.store(false, Ordering::SeqCst);
                let _ = tell.send((number, msg.payload_str().parse::<usize>().expect("a number")));
            });
            client.connect(HOST, broker.port()).expect("accepted");
            client.loop_start_on(&pool).expect("no loop yet");
            client.subscribe(format!("pool/{number}"), 1).expect("connected");
            client
        })
        .collect();
    for message in 0..MESSAGES {
        for (number, client) in clients.iter().enumerate() {
            client.publish(format!("pool/{number}"), message, 1).expect("connected");
        }
    }
    let mut next = [0; CLIENTS];
    for (number, message) in heard.take(CLIENTS * MESSAGES, "every message") {
        assert_eq!(message, next[number], "messages of client {number} keep their order");
        next[number] += 1;
    }
    assert!(used.lock().expect("no panic").len() <= 2, "two threads run them all");
}

#[test]
fn a_pooled_client_connects_and_comes_back() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| drop(peer.accept())),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let pool = pmc::LoopPool::new(1).expect("a thread");
    let client = quick();
    let told = tell_all(&client);
    client.connect_async(HOST, broker.port()).expect("valid");
    client.loop_start_on(&pool).expect("no loop yet");
    let round = [Told::PreConnect, Told::connected(), Told::disconnected(128), Told::PreConnect, Told::connected()];
    assert_eq!(told.take(5, "two connections"), round);
    client.disconnect().expect("connected");
    assert_eq!(told.next("the end"), Told::disconnected(0));
    broker.finish();
}

#[test]
fn callbacks_on_one_thread_may_wait_for_each_others_messages() {
    let broker = Mosquitto::start();
    let pool = pmc::LoopPool::new(1).expect("a thread");
    let (asking, other) = (quick(), quick());
    for client in [&asking, &other] {
        client.on_publish(|_, _, _, _, _| {});
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start_on(&pool).expect("no loop yet");
    }
    let (tell, heard) = Probe::pair();
    let waits_for = other.clone();
    asking.on_message(move |client, _, _| {
        let own = client.publish("own", "x", 1).and_then(|info| info.wait_for_publish(DEADLINE));
        let others = waits_for.publish("other", "x", 2).and_then(|info| info.wait_for_publish(DEADLINE));
        let ended = waits_for.disconnect();
        let _ = tell.send((own.is_ok(), others.is_ok(), ended.is_ok()));
    });
    asking.subscribe("ask", 0).expect("connected");
    asking.publish("ask", "x", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    assert_eq!(heard.next("the callback to return"), (true, true, true));
    wait_until("the other's end", DEADLINE, || !other.is_connected());
}

#[test]
fn a_pooled_loop_is_stopped_and_started_like_any() {
    let broker = Mosquitto::start();
    let pool = pmc::LoopPool::new(1).expect("a thread");
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    assert!(matches!(client.loop_stop(), Err(Error::NoLoop)));
    client.loop_start_on(&pool).expect("no loop yet");
    assert!(matches!(client.loop_start_on(&pool), Err(Error::LoopRunning)));
    assert!(matches!(client.loop_start(), Err(Error::LoopRunning)));
    assert!(matches!(client.loop_once(0), Err(Error::LoopRunning)));
    client.loop_stop().expect("it runs");
    let told = tell_all(&client);
    client.publish("t", "x", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    assert!(matches!(told.rest()[..], [.., Told::Publish { code: 0, .. }]), "this thread has run it");
    client.loop_start().expect("no loop any more");
    client.loop_stop().expect("it runs");
    client.loop_start_on(&pool).expect("no loop any more");
    // From inside a callback it returns at once, and the loop ends after it.
    let (tell, heard) = channel();
    client.on_message(move |client, _, _| {
        let again = client.loop_start_on(&pmc::LoopPool::new(1).expect("a thread"));
        let _ = tell.send((client.loop_stop().is_ok(), matches!(again, Err(Error::InCallback { .. }))));
    });
    client.subscribe("t", 1).expect("connected");
    client.publish("t", "x", 1).expect("connected");
    assert_eq!(heard.recv_timeout(DEADLINE), Ok((true, true)));
    wait_until("the loop's end", DEADLINE, || client.loop_start().is_ok());
}

#[test]
fn clients_that_are_dropped_leave_the_pool_also_in_a_callback_on_it() {
    let broker = Mosquitto::start();
    let pool = pmc::LoopPool::new(1).expect("a thread");
    let (dropped, heard) = Probe::pair();
    let client = quick();
    struct Tells(std::sync::mpsc::Sender<()>);
    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (gone, seen) = channel();
    let captured = Tells(gone);
    client.on_message(move |_, _, _| {
        let _ = &captured;
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start_on(&pool).expect("no loop yet");
    returns("the drop", move || drop(client));
    assert_eq!(seen.recv_timeout(DEADLINE), Ok(()), "nothing of it is left");
    // A client dropped in a callback of another one.
    let (first, second) = (quick(), quick());
    for client in [&first, &second] {
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start_on(&pool).expect("no loop yet");
    }
    let mut second = Some(second);
    first.on_message(move |_, _, _| {
        drop(second.take());
        let _ = dropped.send(());
    });
    first.subscribe("drop", 0).expect("connected");
    first.publish("drop", "x", 0).expect("connected");
    heard.next("the callback to return");
}

#[test]
fn a_callback_on_a_pool_waits_for_no_room_that_only_its_own_thread_could_make() {
    let broker = Mosquitto::start();
    let pool = pmc::LoopPool::new(1).expect("a thread");
    let (asking, other) = (quick(), quick());
    // It has yet to be connected, by the thread that runs the callback.
    other.max_queued_messages_set(1);
    other.publish("t", "the only one", 1).expect("queued");
    let (tell, heard) = Probe::pair();
    let full = other.clone();
    let pooled = pool.clone();
    asking.on_message(move |_, _, _| {
        full.connect_async(HOST, 1).expect("valid");
        full.loop_start_on(&pooled).expect("no loop yet");
        let options = pmc::PublishOptions::new().qos(1).wait_for_room(None);
        let _ = tell.send(full.publish("t", "one more", options).map(drop));
    });
    asking.connect(HOST, broker.port()).expect("accepted");
    asking.loop_start_on(&pool).expect("no loop yet");
    asking.subscribe("ask", 0).expect("connected");
    asking.publish("ask", "x", 0).expect("connected");
    let outcome = heard.next("the callback to return");
    assert!(matches!(outcome, Err(Error::QueueFull { limit: 1 })), "{outcome:?}");
}
