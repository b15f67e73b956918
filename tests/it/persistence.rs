//! What `publish` accepted survives the end of the program, on a real broker and with real kills.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rappel as pmc;

use crate::support::client::{HOST, builder};
use crate::support::mosquitto::Mosquitto;
use crate::support::wait::{Probe, wait_until};

const TOPIC: &str = "persistance";
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the publisher is killed: a few times, or fifty with `RAPPEL_SOAK`.
fn kills() -> usize {
    if env::var_os("RAPPEL_SOAK").is_some() { 50 } else { 8 }
}

fn stored(dir: &str) -> pmc::Client {
    builder().client_id("serre").persistence(dir).build().expect("a sound store")
}

/// Publishes numbers from `FIRST` on and says each after `publish` has accepted it; ends only by a kill.
#[test]
#[ignore = "run by its sibling in a process of its own"]
fn publisher() {
    let (port, dir) = (env::var("PORT").expect("PORT"), env::var("DIR").expect("DIR"));
    let first: u32 = env::var("FIRST").expect("FIRST").parse().expect("a number");
    let client = stored(&dir);
    println!("\nleft {}", client.unconfirmed_messages());
    client.connect_async(HOST, port.parse().expect("a port")).expect("valid");
    client.loop_start().expect("no loop runs");
    for number in first..=u32::MAX {
        client.publish(TOPIC, number, 1 + (number % 2) as i32).expect("accepted");
        println!("accepted {number}");
    }
}

fn spawn_publisher(port: u16, dir: &str, first: u32) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "persistence::publisher", "--ignored", "--nocapture"])
        .env("PORT", port.to_string())
        .env("DIR", dir)
        .env("FIRST", first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the publisher starts")
}

/// Numbers that arrive at a subscriber whose session outlives everything.
fn subscriber(broker: &Mosquitto) -> (pmc::Client, Probe<u32>) {
    let (numbers, probe) = Probe::pair();
    let client = builder().client_id("oreille").build().expect("valid");
    client.on_message(move |_, _, msg| {
        let _ = numbers.send(msg.payload_str().parse().expect("a number"));
    });
    client.connect(broker.host(), broker.port()).expect("the broker runs");
    client.subscribe(TOPIC, 2).expect("connected");
    client.loop_start().expect("no loop runs");
    (client, probe)
}

#[test]
fn every_accepted_message_survives_kill_9() {
    let broker = Mosquitto::start();
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().to_str().expect("UTF-8").to_owned();
    let (_subscriber, arrivals) = subscriber(&broker);
    let (mut accepted, mut next, mut seed) = (BTreeSet::new(), 0u32, 12345u32);
    for _ in 0..kills() {
        let mut child = spawn_publisher(broker.port(), &dir, next);
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut wanted = 1 + seed % 400;
        while wanted > 0 {
            let line = lines.next().expect("the publisher goes on").expect("text");
            if let Some(number) = line.strip_prefix("accepted ") {
                accepted.insert(number.parse::<u32>().expect("a number"));
                wanted -= 1;
            }
        }
        child.kill().expect("killed");
        // What it still said before its death was accepted as well.
        accepted
            .extend(lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("accepted ")?.parse::<u32>().ok()));
        child.wait().expect("reaped");
        next = accepted.last().copied().unwrap_or(0) + 1_000;
    }
    let client = stored(&dir);
    let left = client.unconfirmed_messages();
    let (told, reports) = Probe::pair();
    client.on_publish(move |_, _, mid, _, _| {
        let _ = told.send(mid);
    });
    client.connect(broker.host(), broker.port()).expect("the broker runs");
    client.loop_start().expect("no loop runs");
    let mids: BTreeSet<u16> = reports.take(left, "completions of an earlier run").into_iter().collect();
    assert_eq!(mids.len(), left, "each reported once");
    client.disconnect().expect("everything is confirmed");
    let mut missing = accepted.clone();
    while !missing.is_empty() {
        missing.remove(&arrivals.next_within(&format!("{} accepted messages", missing.len()), PATIENCE));
    }
}

#[test]
fn a_next_start_sends_what_the_last_could_not() {
    let broker = Mosquitto::start();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().to_str().expect("UTF-8");
    let (_subscriber, arrivals) = subscriber(&broker);
    let offline = stored(path);
    for number in 0..3u32 {
        offline.publish(TOPIC, number, 2).expect("queued");
    }
    drop(offline);
    let later = stored(path);
    assert_eq!(later.unconfirmed_messages(), 3);
    later.connect(broker.host(), broker.port()).expect("the broker runs");
    assert_eq!(arrivals.take(3, "what was queued"), [0, 1, 2]);
    later.disconnect().expect("everything is confirmed");
    drop(later);
    assert_eq!(stored(path).unconfirmed_messages(), 0);
}

#[test]
fn two_programs_cannot_share_a_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().to_str().expect("UTF-8");
    let _first = stored(path);
    let second = builder().client_id("serre").persistence(path).build();
    assert!(matches!(second, Err(pmc::Error::Storage { .. })));
    let nameless = builder().persistence(path).build();
    assert!(matches!(nameless, Err(pmc::Error::ClientIdRequired)));
}

#[test]
fn replaced_and_refused_messages_do_not_come_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().to_str().expect("UTF-8");
    let first = stored(path);
    first.max_queued_messages_set(1);
    let latest = || pmc::PublishOptions::new().qos(1).keep_latest();
    first.publish(TOPIC, 1, latest()).expect("room");
    first.publish(TOPIC, 2, latest()).expect("in its place");
    assert!(matches!(first.publish("autre", 3, 1), Err(pmc::Error::QueueFull { limit: 1 })));
    drop(first);
    wait_until("the store is free", PATIENCE, || stored(path).unconfirmed_messages() == 1);
}
