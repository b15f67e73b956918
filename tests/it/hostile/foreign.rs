//! The loopback port on which Paho is met is for this very process: a foreign program is turned away, the client connects
//! all the same. The native engine has no such port.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use log::Level;

use crate::support::client::{HOST, is_paho, plain};
use crate::support::guarded::Guarded;
use crate::support::logged::{is_logged, keep_log};
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, wait_until};

/// Connects again and again, and counts in a file how often it was hung up on without a byte.
const INTRUDER: &str = r#"
count=0
while :; do
    if exec 3<>"/dev/tcp/127.0.0.1/$1"; then
        if read -r -n 1 -u 3 byte; then echo "got a byte" > "$2.leak"; fi
        exec 3>&-
        count=$((count + 1))
        echo "$count" > "$2"
    fi
done 2>/dev/null
"#;

#[test]
fn a_foreign_program_on_the_loopback_port_is_turned_away() {
    if !is_paho() {
        return;
    }
    println!("{}", alone("hostile::foreign::an_intruder_is_there_first", &[]));
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
#[ignore = "run by a_foreign_program_on_the_loopback_port_is_turned_away, alone in its process"]
fn an_intruder_is_there_first() {
    const ROUNDS: usize = 30;
    keep_log();
    let scripts = (0..=ROUNDS).map(|_| {
        script(|peer| {
            peer.accept();
            let message = peer.expect_publish();
            peer.puback(message.id);
            peer.expect_disconnect();
        })
    });
    let broker = ScriptedBroker::sequence(scripts.collect());
    let client = plain();
    let round = || {
        client.connect(HOST, broker.port()).expect("the client connects all the same");
        client.publish("t", "x", 1).expect("accepted").wait_for_publish(DEADLINE).expect("confirmed");
        client.disconnect().expect("an orderly end");
    };
    let before = own_listeners();
    round();
    let new: Vec<u16> = own_listeners().into_iter().filter(|port| !before.contains(port)).collect();
    let [port] = new[..] else { panic!("one listener of the link's: {new:?}") };

    let dir = tempfile::tempdir().expect("a directory");
    let count = dir.path().join("count");
    let turned_away = || fs::read_to_string(&count).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0_usize);
    let arguments = ["-c", INTRUDER, "bash", &port.to_string(), &count.to_string_lossy()];
    let intruder = Guarded::spawn(Path::new("/bin/bash"), arguments, |command| {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    });
    wait_until("the intruder to be turned away", DEADLINE, || turned_away() > 10);
    for _ in 0..ROUNDS {
        // One that knocked before this round and one that knocks during it.
        let before = turned_away();
        round();
        wait_until("the intruder to be turned away again", DEADLINE, || turned_away() > before);
    }
    println!("turned away {} times", turned_away());
    drop(intruder);
    assert!(!dir.path().join("count.leak").exists(), "the intruder was given a byte");
    assert!(is_logged(Level::Warn, &["foreign program", "turned away"]));
    broker.finish();
}
