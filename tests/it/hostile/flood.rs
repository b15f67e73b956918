//! Floods: a callback that does not come back, and lengths that are only announced. Memory stays bounded.
//!
//! Each runs in a process of its own, whose memory is measured.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rappel as pmc;

use crate::support::client::{HOST, named};
use crate::support::resources::resident_kib;
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, Probe, wait_until};

/// What the link and the event queue may hold together with the system's socket buffers, in KiB.
const BOUND_KIB: usize = 80 * 1024;
/// The flood: 3,200 messages of 64 KiB.
const MESSAGES: u32 = 3_200;
const PAYLOAD: usize = 64 * 1024;

#[test]
fn a_blocked_callback_keeps_the_broker_waiting_and_loses_nothing() {
    println!("{}", alone("hostile::flood::a_flood_on_a_blocked_callback", &[]));
}

/// Answers CONNECT on a plain socket.
fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().expect("a client");
    let mut connect = [0; 256];
    assert!(stream.read(&mut connect).expect("CONNECT") > 0);
    stream.write_all(&[0x20, 2, 0, 0]).expect("CONNACK");
    stream
}

#[test]
#[ignore = "run by a_blocked_callback_keeps_the_broker_waiting_and_loses_nothing, alone in its process"]
fn a_flood_on_a_blocked_callback() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (stalled, stall) = Probe::pair();
    let broker = thread::spawn(move || {
        let mut stream = accept(&listener);
        // Longer than any pause of a client that reads; when it is over, the client does not read.
        stream.set_write_timeout(Some(Duration::from_secs(3))).expect("a timeout");
        let (mut written, mut told) = (0_usize, false);
        for number in 0..MESSAGES {
            let mut packet =
                crate::support::scripted::packet::frame(0x30, &[&[0, 1, b't'][..], &vec![7; PAYLOAD]].concat());
            let body = packet.len() - PAYLOAD;
            packet[body..body + 4].copy_from_slice(&number.to_be_bytes());
            let mut rest = &packet[..];
            while !rest.is_empty() {
                match stream.write(rest) {
                    Ok(count) => {
                        rest = &rest[count..];
                        written += count;
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                        if !std::mem::replace(&mut told, true) {
                            let _ = stalled.send(written);
                        }
                    }
                    Err(error) => panic!("the client must not close: {error}"),
                }
            }
        }
        assert!(told, "all {written} bytes were taken while nobody read them");
        // Reads what the client says to the end.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let client = named("victim", pmc::Protocol::V311);
    let (tell, heard) = Probe::pair();
    let (release, released) = channel::<()>();
    let mut blocked = true;
    client.on_message(move |_, _, message| {
        if std::mem::take(&mut blocked) {
            let _ = released.recv();
        }
        let number = u32::from_be_bytes(message.payload[..4].try_into().expect("four bytes"));
        let _ = tell.send((number, message.payload.len()));
    });
    let before = resident_kib();
    client.connect(HOST, port).expect("accepted");
    client.loop_start().expect("a loop");
    let written = stall.next_within("the broker to be kept waiting", Duration::from_secs(60));
    let grown = resident_kib().saturating_sub(before);
    println!("kept waiting after {} KiB, memory has grown by {grown} KiB", written / 1024);
    assert!(written / 1024 < BOUND_KIB, "{} KiB were taken with nobody to read them", written / 1024);
    assert!(grown < BOUND_KIB, "memory has grown by {grown} KiB");
    release.send(()).expect("the callback waits");
    for number in 0..MESSAGES {
        assert_eq!(heard.next("the next message"), (number, PAYLOAD));
    }
    client.disconnect().expect("an orderly end");
    broker.join().expect("the broker lives");
}

#[test]
fn a_length_that_is_only_announced_costs_nothing() {
    println!("{}", alone("hostile::flood::a_packet_of_256_megabytes_that_never_comes", &[]));
}

#[test]
#[ignore = "run by a_length_that_is_only_announced_costs_nothing, alone in its process"]
fn a_packet_of_256_megabytes_that_never_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let client = named("victim", pmc::Protocol::V311);
    let (tell, lost) = Probe::pair();
    client.on_disconnect(move |_, _, _, code, _| {
        let _ = tell.send(code.value());
    });
    client.connect_async(HOST, port).expect("wanted");
    client.loop_start().expect("a loop");
    let before = resident_kib();
    for _ in 0..20 {
        let mut stream = accept(&listener);
        stream.write_all(&[0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't']).expect("the head of a message");
        stream.write_all(&[0; 64 * 1024]).expect("a little of the payload");
        // Closed in order: what was written arrives first.
        drop(stream);
        assert_eq!(lost.next("the end of the connection"), 128);
    }
    let grown = resident_kib().saturating_sub(before);
    println!("memory has grown by {grown} KiB");
    assert!(grown < BOUND_KIB, "memory has grown by {grown} KiB");
}

#[test]
fn pings_go_out_while_a_callback_is_blocked_and_the_queue_is_full() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (pinged, ping) = Probe::pair();
    let broker = thread::spawn(move || {
        let stream = accept(&listener);
        let mut reading = stream.try_clone().expect("a handle");
        let flooding = thread::spawn(move || {
            let packet =
                crate::support::scripted::packet::frame(0x30, &[&[0, 1, b't'][..], &vec![7; PAYLOAD]].concat());
            // Ends when the client goes away.
            while (&stream).write_all(&packet).is_ok() {}
        });
        let mut bytes = [0; 2];
        while reading.read_exact(&mut bytes).is_ok() && bytes == [0xc0, 0] {
            let _ = pinged.send(());
        }
        let _ = reading.shutdown(std::net::Shutdown::Both);
        flooding.join().expect("no panic");
    });
    let client = named("victim", pmc::Protocol::V311);
    let (release, released) = channel::<()>();
    client.on_message(move |_, _, _| {
        let _ = released.recv();
    });
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_secs(1));
    client.connect_with(HOST, port, options).expect("accepted");
    client.loop_start().expect("a loop");
    ping.take(3, "pings while the queue is full");
    assert!(client.is_connected());
    drop(release);
    drop(client);
    wait_until("the end of the broker", DEADLINE, || broker.is_finished());
}
