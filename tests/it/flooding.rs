//! More than one side can take: a broker that wants answers and reads none, and a network that is slow.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rappel as pmc;
use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::support::client::{HOST, quick};
use crate::support::resources::resident_kib;
use crate::support::scripted::packet::{frame, prefixed};
use crate::support::trials::{alone, soak};
use crate::support::wait::{DEADLINE, LONG, Probe, holds_within};

/// What a client may take of a flood whose answers nobody reads, in bytes.
const TAKEN: usize = 32 * 1024 * 1024;
/// How much memory it may cost, in KiB.
const BOUND_KIB: usize = 32 * 1024;

/// A listener whose connections hold little that nobody has read.
fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((HOST, 0)).expect("a free port");
    set_socket_recv_buffer_size(&listener, 16 * 1024).expect("SO_RCVBUF");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// Answers CONNECT.
fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().expect("a client");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut connect = [0; 256];
    assert!(stream.read(&mut connect).expect("CONNECT") > 0);
    stream.write_all(&[0x20, 2, 0, 0]).expect("CONNACK");
    stream
}

/// Writes `packets` again and again without reading, until the client takes no more; how many bytes it took.
fn flood(stream: &mut TcpStream, packets: &[u8]) -> usize {
    stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    let (mut taken, mut at) = (0, 0);
    while taken < TAKEN {
        match stream.write(&packets[at..]) {
            Ok(count) => {
                taken += count;
                at = (at + count) % packets.len();
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return taken,
            Err(error) => panic!("the client must not close: {error}"),
        }
    }
    panic!("the client took {taken} bytes and nobody read its answers");
}

#[test]
fn answers_that_nobody_reads_do_not_pile_up() {
    println!("{}", alone("flooding::a_broker_that_does_not_read", &[]));
}

#[test]
#[ignore = "run by answers_that_nobody_reads_do_not_pile_up, alone in its process"]
fn a_broker_that_does_not_read() {
    let (listener, port) = listen();
    // PUBREC of what was never sent, answered by PUBREL; a message of QoS 2 again and again, answered by PUBREC; and
    // a message of QoS 1, answered by PUBACK.
    let floods = [
        ("PUBREC", frame(0x50, &[0, 9])),
        ("PUBLISH, QoS 2", frame(0x34, &[&prefixed(b"t")[..], &[0, 9]].concat())),
        ("PUBLISH, QoS 1", frame(0x32, &[&prefixed(b"t")[..], &[0, 9]].concat())),
    ];
    let client = quick();
    let (tell, connections) = Probe::pair();
    client.on_connect(move |_, _, _, _, _| {
        let _ = tell.send(());
    });
    client.connect_async(HOST, port).expect("wanted");
    client.loop_start().expect("no loop yet");
    let before = resident_kib();
    // Messages that are delivered take their time.
    for (what, packet) in floods.into_iter().take(if soak() { 3 } else { 2 }) {
        let mut stream = accept(&listener);
        connections.next(what);
        let taken = flood(&mut stream, &packet.repeat(64 * 1024 / packet.len()));
        let grown = resident_kib().saturating_sub(before);
        println!("{what}: kept waiting after {taken} bytes, memory has grown by {grown} KiB");
        assert!(grown < BOUND_KIB, "{what}: memory has grown by {grown} KiB");
    }
    // The client is back and works.
    let mut stream = accept(&listener);
    connections.next("the last connection");
    let message = client.publish("t", "", 1).expect("connected");
    let mut publish = [0; 7];
    stream.read_exact(&mut publish).expect("PUBLISH");
    assert_eq!(publish, [0x32, 5, 0, 1, b't', 0, 1]);
    stream.write_all(&[0x40, 2, 0, 1]).expect("PUBACK");
    message.wait_for_publish(DEADLINE).expect("confirmed");
    let broker = thread::spawn(move || stream.read_to_end(&mut Vec::new()));
    client.disconnect().expect("connected");
    broker.join().expect("no panic").expect("DISCONNECT");
}

#[test]
fn a_queue_that_fills_again_and_again_never_stands_still() {
    const MESSAGES: u32 = 100;
    let (listener, port) = listen();
    let broker = thread::spawn(move || {
        let mut stream = accept(&listener);
        let mut packet = frame(0x30, &[&prefixed(b"t")[..], &vec![7; 3 * 1024 * 1024]].concat());
        let at = packet.len() - 4;
        for number in 0..MESSAGES {
            packet[at..].copy_from_slice(&number.to_be_bytes());
            stream.write_all(&packet).expect("the client reads");
        }
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let client = quick();
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| {
        let number = message.payload.last_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        let _ = tell.send(number);
    });
    client.connect(HOST, port).expect("accepted");
    client.loop_start().expect("no loop yet");
    for number in 0..MESSAGES {
        assert_eq!(heard.next("the next message"), Some(number));
    }
    client.disconnect().expect("connected");
    broker.join().expect("the broker lives");
}

#[test]
fn a_large_message_on_a_slow_network_is_no_dead_broker() {
    const PAYLOAD: usize = 16 * 1024 * 1024;
    // Beyond that, no more than the system holds is left: the client could not see it move.
    const SLOW: usize = 11 * 1024 * 1024;
    let (listener, port) = listen();
    let broker = thread::spawn(move || {
        let mut stream = accept(&listener);
        // One connection only: another one would be refused.
        drop(listener);
        let length = frame(0x32, &[&prefixed(b"t")[..], &[0, 1], &vec![0; PAYLOAD]].concat()).len();
        let (mut read, mut last, mut buffer) = (0, 0, vec![0; 16 * 1024]);
        while read < length {
            // At most a megabyte and a half per second: longer than two keep-alives, on a fast machine as on a slow one.
            if read < SLOW {
                holds_within(Duration::from_millis(10), || false);
            }
            let most = buffer.len().min(length - read);
            let count = stream.read(&mut buffer[..most]).expect("the message goes on");
            assert!(count > 0, "the client gave up after {read} of {length} bytes");
            (read, last) = (read + count, buffer[count - 1]);
        }
        stream.write_all(&[0x40, 2, 0, 1]).expect("PUBACK");
        let mut rest = [0; 2];
        loop {
            stream.read_exact(&mut rest).expect("DISCONNECT at the end");
            match rest {
                [0xc0, 0] => stream.write_all(&[0xd0, 0]).expect("PINGRESP"),
                [0xe0, 0] => return last,
                other => panic!("neither PINGREQ nor DISCONNECT: {other:02x?}"),
            }
        }
    });
    let client = quick();
    let options = pmc::ConnectOptions::new().keepalive(Duration::from_secs(3));
    client.connect_with(HOST, port, options).expect("accepted");
    client.loop_start().expect("no loop yet");
    let mut payload = vec![7; PAYLOAD];
    payload[PAYLOAD - 1] = 9;
    let message = client.publish("t", payload, 1).expect("connected");
    message.wait_for_publish(LONG).expect("confirmed");
    client.disconnect().expect("connected");
    assert_eq!(broker.join().expect("the broker lives"), 9);
}
