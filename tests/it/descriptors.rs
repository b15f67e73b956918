//! Descriptors: too few of them for a while, and none of ours in other programs.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::client::{HOST, is_paho, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::resources::descriptors;
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, wait_until};

#[test]
fn too_few_descriptors_at_first_are_no_harm_for_good() {
    println!("{}", alone("descriptors::a_first_connection_without_descriptors", &[]));
}

#[test]
#[ignore = "run by too_few_descriptors_at_first_are_no_harm_for_good, alone in its process"]
fn a_first_connection_without_descriptors() {
    let broker = Mosquitto::start();
    let before = getrlimit(Resource::Nofile);
    // However many more a connection needs: from none up to all of them, each may be the one that is missing.
    let mut connected = false;
    for more in 0..20 {
        let few = Rlimit { current: Some(descriptors() as u64 + more), maximum: before.maximum };
        setrlimit(Resource::Nofile, few).expect("a lower limit");
        let client = quick();
        let outcome = client.connect(HOST, broker.port());
        setrlimit(Resource::Nofile, before).expect("the limit as before");
        match outcome {
            Ok(()) => {
                connected = true;
                client.disconnect().expect("connected");
            }
            Err(error) => {
                let text = error.to_string();
                assert!(!text.contains("DNS") && !text.contains("foreign program"), "{more} more: {text}");
                assert!(text.to_lowercase().contains("too many open files"), "{more} more: {text}");
                assert!(!text.contains("report"), "{more} more: {text}");
                // The same client, and another one.
                for client in [client, quick()] {
                    client.connect(HOST, broker.port()).expect("there are enough now");
                    let info = client.publish("t", "x", 1).expect("connected");
                    info.wait_for_publish(DEADLINE).expect("confirmed");
                    client.disconnect().expect("connected");
                }
            }
        }
    }
    assert!(connected, "20 more are not enough");
}

#[test]
fn a_child_process_inherits_nothing() {
    if is_paho() {
        // Safe code cannot keep Paho's end of its room from children: docs/parity.md. It carries numbers alone.
        return;
    }
    println!("{}", alone("descriptors::a_program_with_children", &[]));
}

#[test]
#[ignore = "run by a_child_process_inherits_nothing, alone in its process: it counts"]
fn a_program_with_children() {
    let inherited = || {
        let output = Command::new("sh").args(["-c", "ls -l /proc/self/fd"]).output().expect("sh starts");
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(listed.contains("/proc/") || listed.contains("pipe:"), "nothing is listed: {listed}");
        let sockets: Vec<String> = listed.lines().filter(|line| line.contains("socket:")).map(str::to_owned).collect();
        sockets
    };
    let broker = Mosquitto::start();
    let client = quick();
    // What this program itself was given by the one that started it.
    let before = inherited();
    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    client.subscribe("t", 1).expect("connected");
    for qos in 0..=2 {
        client.publish("t", "x", qos).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    }
    assert_eq!(inherited(), before, "while it is connected");
    client.reconnect().expect("a broker");
    client.publish("t", "x", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    assert_eq!(inherited(), before, "after it came back");
    client.disconnect().expect("connected");
}

#[test]
fn a_client_has_one_tcp_connection() {
    println!("{}", alone("descriptors::a_program_that_counts_its_connections", &[]));
}

#[test]
#[ignore = "run by a_client_has_one_tcp_connection, alone in its process: it counts"]
fn a_program_that_counts_its_connections() {
    let broker = Mosquitto::start();
    let client = quick();
    assert!(tcp_connections().is_empty(), "before");
    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    // Connections of its own to another port of the machine would use up the ports that the broker's need: each leaves
    // one in TIME_WAIT for a minute.
    for qos in 0..=2 {
        client.publish("t", "x", qos).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
        // The system lists a socket twice, or not at all, where others come and go while the list is read.
        let one = format!("one TCP connection at QoS {qos}, to the broker");
        wait_until(&one, DEADLINE, || tcp_connections() == [broker.port()]);
        client.reconnect().expect("a broker");
    }
    client.disconnect().expect("connected");
}

/// The remote port of each TCP socket of this process; of one that listens, 0.
fn tcp_connections() -> Vec<u16> {
    let descriptors = fs::read_dir("/proc/self/fd").expect("/proc/self/fd").flatten();
    let sockets: Vec<String> = descriptors
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|target| Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map(|table| fs::read_to_string(table).expect(table));
    // "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ..", the ports in hexadecimal.
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| sockets.iter().any(|inode| inode == fields[9]))
        .map(|fields| {
            fields[2].rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok()).expect("a port")
        })
        .collect()
}
