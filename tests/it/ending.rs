//! The end of a connection is the end: in order, whoever asks for it and whenever; and no other end is taken for it.

use std::cell::OnceCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rappel as pmc;
use rappel::Error;
use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::support::client::{HOST, quick};
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::told::{Told, tell_all};
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, Probe, holds_within, wait_until};

/// A broker for a connection that is replaced, and for one that ends in order.
fn replaced() -> ScriptedBroker {
    ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            peer.expect_eof();
        }),
        script(|peer| {
            assert!(peer.accept().will.is_some());
            // With this, a broker forgets the will.
            assert_eq!(peer.expect_disconnect().code, 0);
            peer.expect_eof();
        }),
    ])
}

#[test]
fn disconnect_ends_the_connection_that_stands_not_the_one_before() {
    let broker = replaced();
    let client = quick();
    client.will_set("testament", "mort", 1).expect("a will");
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.reconnect().expect("accepted");
    client.disconnect().expect("connected");
    assert!(!client.is_connected());
    broker.finish();
    let told: Vec<Told> = told.rest();
    assert_eq!(told.last(), Some(&Told::disconnected(0)), "{told:?}");
    assert_eq!(told.iter().filter(|what| **what == Told::connected()).count(), 2, "{told:?}");
}

#[test]
fn the_last_handle_ends_the_connection_that_stands_not_the_one_before() {
    let broker = replaced();
    let client = quick();
    client.will_set("testament", "mort", 1).expect("a will");
    client.connect(HOST, broker.port()).expect("accepted");
    client.reconnect().expect("accepted");
    drop(client);
    broker.finish();
}

#[test]
fn a_client_ends_with_the_thread_that_keeps_it() {
    alone("ending::a_client_in_a_thread_local", &[]);
}

#[test]
#[ignore = "run by a_client_ends_with_the_thread_that_keeps_it, alone in its process: it would abort"]
fn a_client_in_a_thread_local() {
    thread_local! {
        static CLIENT: OnceCell<pmc::Client> = const { OnceCell::new() };
    }
    // What the thread keeps may go before or after what the client itself keeps there.
    for (kept_first, looping) in [(true, false), (false, false), (true, true), (false, true)] {
        let broker = ScriptedBroker::run(|peer| {
            peer.accept();
            peer.expect_disconnect();
            peer.expect_eof();
        });
        let port = broker.port();
        let thread = thread::spawn(move || {
            let client = quick();
            let use_it = |client: &pmc::Client| {
                client.connect(HOST, port).expect("accepted");
                if looping {
                    client.loop_start().expect("no loop yet");
                }
            };
            if !kept_first {
                use_it(&client);
            }
            CLIENT.with(|kept| {
                let client = kept.get_or_init(|| client);
                if kept_first {
                    use_it(client);
                }
            });
        });
        thread.join().expect("the thread ends in order");
        broker.finish();
    }
}

#[test]
fn a_reconnect_in_on_disconnect_that_fails_leaves_it_to_the_loop() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| drop(peer.accept())),
        script(|peer| {
            peer.expect_connect();
            peer.connack(3, false);
            peer.expect_eof();
        }),
        script(|peer| drop(peer.accept())),
        script(|peer| drop(peer.expect_connect())),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
            peer.expect_eof();
        }),
    ]);
    let client = quick();
    let told = tell_all(&client);
    let (tell, tried) = Probe::pair();
    client.on_disconnect(move |client, _, _, code, _| {
        if code != 0 {
            let _ = tell.send(client.reconnect());
        }
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    let refused = tried.next("the first reconnect");
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    let closed = tried.next("the second reconnect");
    assert!(matches!(closed, Err(Error::ClosedDuringConnect { .. })), "{closed:?}");
    let mut connections = 0;
    while connections < 3 {
        connections += usize::from(told.next("the client is back by itself") == Told::connected());
    }
    client.disconnect().expect("connected");
    broker.finish();
}

/// Accepts whoever comes, reads until they go; counts those who are there.
fn count_visitors(listener: TcpListener, there: &Arc<AtomicUsize>, over: &Arc<AtomicBool>) {
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        if over.load(Ordering::SeqCst) {
            return;
        }
        there.fetch_add(1, Ordering::SeqCst);
        let there = Arc::clone(there);
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            let mut greeted = false;
            while stream.read(&mut bytes).is_ok_and(|count| count > 0) {
                if !std::mem::replace(&mut greeted, true) {
                    // The client may be gone.
                    let _ = stream.write_all(&[0x20, 2, 0, 0]);
                }
            }
            there.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

#[test]
fn disconnect_while_connect_is_under_way_leaves_nothing_standing() {
    let listener = TcpListener::bind((HOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (there, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let broker = {
        let (there, over) = (Arc::clone(&there), Arc::clone(&over));
        thread::spawn(move || count_visitors(listener, &there, &over))
    };
    let client = quick();
    let (begun, begin) = Probe::pair();
    client.on_pre_connect(move |_, _| {
        let _ = begun.send(Instant::now());
    });
    let (mut cancelled, mut connected) = (0, 0);
    for round in 0..200 {
        let connecting = {
            let client = client.clone();
            thread::spawn(move || client.connect(HOST, port))
        };
        // From the very beginning to beyond the broker's answer.
        let moment = begin.next("the attempt") + Duration::from_micros(150) * (round % 100);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        client.disconnect().expect("a connection is wanted");
        let outcome = connecting.join().expect("no panic");
        assert!(!client.is_connected(), "round {round}: {outcome:?}");
        match outcome {
            Ok(()) => connected += 1,
            Err(Error::Cancelled) => cancelled += 1,
            Err(other) => panic!("round {round}: {other}"),
        }
        wait_until("the end of every connection", DEADLINE, || {
            assert!(!client.is_connected(), "round {round}");
            there.load(Ordering::SeqCst) == 0
        });
    }
    println!("{cancelled} attempts were cancelled, {connected} had come to a connection");
    assert!(cancelled > 0);
    client.connect(HOST, port).expect("accepted");
    client.disconnect().expect("connected");
    over.store(true, Ordering::SeqCst);
    drop(std::net::TcpStream::connect((HOST, port)));
    broker.join().expect("the broker lives");
}

/// Reads what there is on a connection until it ends; whether the large message was there, whole.
fn read_whole(stream: &mut std::net::TcpStream, length: usize) -> bool {
    let (mut count, mut buffer) = (0, vec![0; 64 * 1024]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        count += read;
    }
    count >= length
}

#[test]
fn qos_0_does_not_go_twice_after_a_disconnect_that_timed_out() {
    // More than the system holds: it has begun to leave when the time is over, and the rest leaves soon after.
    const LARGE: usize = 6_000_000;
    let listener = TcpListener::bind((HOST, 0)).expect("a free port");
    set_socket_recv_buffer_size(&listener, 16 * 1024).expect("SO_RCVBUF");
    let port = listener.local_addr().expect("an address").port();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let broker = thread::spawn(move || {
        let mut arrivals = 0;
        for reads_at_once in [false, true] {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut connect = [0; 256];
            assert!(stream.read(&mut connect).expect("CONNECT") > 0);
            stream.write_all(&[0x20, 2, 0, 0]).expect("CONNACK");
            if !reads_at_once {
                let _ = wait.recv_timeout(DEADLINE);
            }
            arrivals += usize::from(read_whole(&mut stream, LARGE));
        }
        arrivals
    });
    let client = quick();
    client.connect(HOST, port).expect("accepted");
    client.loop_start().expect("a loop");
    client.publish("t", vec![7; LARGE], 0).expect("connected");
    let (leaving, (tell, left)) = (client.clone(), Probe::pair());
    thread::spawn(move || tell.send(leaving.disconnect_with(pmc::DisconnectOptions::new().timeout(0.2))));
    // The broker begins to read when the time is over, and the last bytes perhaps still leave.
    holds_within(Duration::from_millis(400), || false);
    go.send(()).expect("the broker waits");
    let outcome = left.next("the end of disconnect");
    assert!(matches!(outcome, Err(Error::Unconfirmed { count: 1 })), "{outcome:?}");
    client.connect(HOST, port).expect("accepted");
    client.publish("t", "after", 0).expect("connected").wait_for_publish(DEADLINE).expect("written");
    client.disconnect().expect("nothing is left");
    assert!(broker.join().expect("the broker lives") <= 1, "it arrived on both connections");
}
