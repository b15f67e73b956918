//! Programs of other users on the same machine: Paho's room has no door that they could come to.

use std::fs;

use crate::support::client::{HOST, is_paho, plain};
use crate::support::scripted::ScriptedBroker;
use crate::support::trials::alone;
use crate::support::wait::DEADLINE;

#[test]
fn no_port_is_open_to_other_programs() {
    if is_paho() {
        println!("{}", alone("hostile::foreign::a_program_with_a_room", &[]));
    }
}

/// The loopback ports on which this process listens.
fn own_listeners() -> Vec<u16> {
    let sockets: Vec<String> = fs::read_dir("/proc/self/fd")
        .expect("/proc/self/fd")
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect();
    let table = fs::read_to_string("/proc/self/net/tcp").expect("/proc/self/net/tcp");
    let mut ports = Vec::new();
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let (state, inode) = (fields[3], format!("socket:[{}]", fields[9]));
        if state == "0A" && sockets.contains(&inode) {
            let port = fields[1].split(':').nth(1).expect("a port");
            ports.push(u16::from_str_radix(port, 16).expect("a number"));
        }
    }
    ports
}

#[test]
#[ignore = "run by no_port_is_open_to_other_programs, alone in its process: its listeners count"]
fn a_program_with_a_room() {
    let before = own_listeners();
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let message = peer.expect_publish();
        peer.puback(message.id);
        peer.expect_disconnect();
    });
    let client = plain();
    client.connect(HOST, broker.port()).expect("accepted");
    client.publish("t", "x", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    assert_eq!(own_listeners(), before, "the room is a socket without a name");
    client.disconnect().expect("an orderly end");
    broker.finish();
}
