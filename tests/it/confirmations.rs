//! Confirmations that nobody hears of cost no memory.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::support::client::{HOST, quick};
use crate::support::resources::resident_kib;
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, wait_until};

/// How many messages are confirmed, and how many are under way at a time.
const MESSAGES: usize = 500_000;
const BATCH: usize = 5_000;
/// What the allocator may keep, in KiB: they cost 130 MiB once.
const BOUND_KIB: usize = 24 * 1024;

#[test]
fn half_a_million_confirmations_without_a_loop_keep_no_memory() {
    println!("{}", alone("confirmations::a_client_without_a_loop", &[]));
}

/// Reads everything and confirms what wants it.
fn serve(mut stream: &TcpStream) {
    let mut connect = [0; 256];
    assert!(stream.read(&mut connect).expect("CONNECT") > 0);
    stream.write_all(&[0x20, 2, 0, 0]).expect("CONNACK");
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        let (mut at, mut answers) = (0, Vec::new());
        // Every packet is shorter than 128 bytes.
        while bytes.len() >= at + 2 && bytes.len() >= at + 2 + usize::from(bytes[at + 1]) {
            if bytes[at] & 0xf6 == 0x32 {
                // "t" and then the packet id.
                answers.extend([0x40, 2, bytes[at + 5], bytes[at + 6]]);
            }
            at += 2 + usize::from(bytes[at + 1]);
        }
        bytes.drain(..at);
        stream.write_all(&answers).expect("the client reads");
    }
}

#[test]
#[ignore = "run by half_a_million_confirmations_without_a_loop_keep_no_memory, alone in its process"]
fn a_client_without_a_loop() {
    let listener = TcpListener::bind((HOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = thread::spawn(move || serve(&listener.accept().expect("a client").0));
    let client = quick();
    client.max_inflight_messages_set(0);
    client.connect(HOST, port).expect("accepted");
    let publish = |count: usize, qos: u8| {
        for _ in 0..count / BATCH {
            let mut last = None;
            for _ in 0..BATCH {
                last = Some(client.publish("t", "x", qos).expect("connected"));
            }
            // Not wait_for_publish, which would run the loop.
            let last = last.expect("a batch");
            wait_until("the confirmations", 2 * DEADLINE, || last.is_published());
        }
    };
    // What the queues need at their fullest is there before.
    publish(4 * BATCH, 0);
    publish(4 * BATCH, 1);
    let before = resident_kib();
    publish(MESSAGES, 0);
    let after_0 = resident_kib();
    publish(MESSAGES / 5, 1);
    let after_1 = resident_kib();
    println!("memory: {before} KiB before, {after_0} KiB after QoS 0, {after_1} KiB after QoS 1");
    assert!(after_0 < before + BOUND_KIB, "QoS 0: memory has grown by {} KiB", after_0 - before);
    assert!(after_1 < before + BOUND_KIB, "QoS 1: memory has grown by {} KiB", after_1 - before);
    client.disconnect().expect("all is confirmed");
    server.join().expect("the broker lives");
}
