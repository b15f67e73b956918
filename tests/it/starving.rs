//! What one client has to do costs the others of its process nothing.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::client::{HOST, plain, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, holds_within, own_time, wait_until};

/// How many messages wait.
const WAITING: u32 = 40_000;
/// The longest round trip of another client, and the longest on the average. It had 15 seconds of silence, or 300 ms for
/// each; far less is far too much still.
const LONGEST: Duration = Duration::from_secs(3);
const AVERAGE: Duration = Duration::from_millis(100);

#[test]
fn forty_thousand_messages_without_a_window_starve_nobody() {
    println!("{}", alone("starving::a_client_with_forty_thousand_messages", &[]));
}

/// Takes `connections` one after another: reads each message and confirms them all at the end, then hangs up; the last
/// one is read to its end.
fn broker(listener: &TcpListener, connections: u32) {
    for connection in 1..=connections {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut connect = [0; 256];
        assert!(stream.read(&mut connect).expect("CONNECT") > 0);
        stream.write_all(&[0x20, 2, 0, 0]).expect("CONNACK");
        // PUBLISH of QoS 1 to "t": two bytes of header, the topic, the id.
        let mut packet = [0; 7];
        let mut answers = Vec::new();
        for _ in 0..WAITING {
            stream.read_exact(&mut packet).expect("a message");
            assert_eq!(packet[..2], [0x32 | packet[0] & 8, 5]);
            answers.extend([0x40, 2, packet[5], packet[6]]);
        }
        if connection == connections {
            stream.write_all(&answers).expect("the client reads");
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

#[test]
#[ignore = "run by forty_thousand_messages_without_a_window_starve_nobody, alone in its process"]
fn a_client_with_forty_thousand_messages() {
    let real = Mosquitto::start();
    let other = quick();
    other.connect(HOST, real.port()).expect("a broker");
    other.loop_start().expect("a loop");
    let trips = Arc::new(AtomicUsize::new(0));
    let (count, (over, is_over)) = (Arc::clone(&trips), std::sync::mpsc::channel::<()>());
    let traveller = thread::spawn(move || {
        let (mut longest, mut all) = (Duration::ZERO, Duration::ZERO);
        while is_over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            let info = other.publish("t", "x", 1).expect("connected");
            let (outcome, took) = own_time(|| info.wait_for_publish(DEADLINE));
            outcome.expect("confirmed");
            longest = longest.max(took);
            all += took;
            count.fetch_add(1, Ordering::SeqCst);
        }
        (longest, all)
    });

    let listener = TcpListener::bind((HOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = thread::spawn(move || broker(&listener, 3));
    let client = quick();
    client.max_inflight_messages_set(0);
    let mut infos = Vec::new();
    for _ in 0..WAITING {
        infos.push(client.publish("t", (), 1).expect("queued"));
    }
    wait_until("a round trip meanwhile", DEADLINE, || trips.load(Ordering::SeqCst) > 0);
    client.connect(HOST, port).expect("accepted");
    client.loop_start().expect("a loop");
    for info in infos {
        info.wait_for_publish(5 * DEADLINE).expect("confirmed");
    }
    drop(over);
    let (longest, all) = traveller.join().expect("no panic");
    let trips = trips.load(Ordering::SeqCst);
    let average = all / u32::try_from(trips).expect("a few");
    println!("{trips} round trips meanwhile, the longest {longest:?}, {average:?} on the average");
    assert!(longest < LONGEST, "another client was kept waiting for {longest:?}");
    assert!(average < AVERAGE, "another client was kept waiting for {average:?} each time");
    client.disconnect().expect("all is confirmed");
    server.join().expect("the broker lives");
}

#[test]
fn many_clients_at_once_do_not_crowd_out_each_other() {
    println!("{}", alone("starving::clients_wait_for_those_the_broker_has_not_answered", &[]));
}

/// A system keeps a hundred connections or so for a broker that has yet to accept them, and drops those that come then: they
/// are tried again after a second, which is what a crowd would wait for again and again.
#[test]
#[ignore = "run by many_clients_at_once_do_not_crowd_out_each_other, alone in its process"]
fn clients_wait_for_those_the_broker_has_not_answered() {
    const AT_A_TIME: usize = 32;
    const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
    let broker = TcpListener::bind((HOST, 0)).expect("a port");
    broker.set_nonblocking(true).expect("a listener");
    let port = broker.local_addr().expect("it is bound").port();
    let pool = rappel::LoopPool::new(1).expect("a thread");
    let clients: Vec<_> = (0..AT_A_TIME + 2)
        .map(|_| {
            let client = plain();
            client.connect_timeout_set(DEADLINE).expect("a time");
            client.connect_async(HOST, port).expect("valid");
            client.loop_start_on(&pool).expect("no loop yet");
            client
        })
        .collect();
    let mut accepted = Vec::new();
    wait_until("so many connections", DEADLINE, || {
        accepted.extend(broker.accept().ok());
        accepted.len() == AT_A_TIME
    });
    assert!(!holds_within(Duration::from_millis(300), || broker.accept().is_ok()), "one more before any answer");
    accepted[0].0.write_all(&CONNACK).expect("the client reads");
    wait_until("the next one", DEADLINE, || {
        accepted.extend(broker.accept().ok());
        accepted.len() == AT_A_TIME + 1
    });
    // A broker that is gone has answered too.
    drop(accepted.remove(1));
    wait_until("the last one", DEADLINE, || broker.accept().is_ok());
    wait_until("the first one", DEADLINE, || clients.iter().any(rappel::Client::is_connected));
}
