//! What is on disk: what was accepted and is not confirmed, and nothing else, for its owner alone.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, builder};
use crate::support::dead_address::DeadAddress;
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Peer, ScriptedBroker, script};
use crate::support::wait::{DEADLINE, Probe, returns, wait_until};

fn open(dir: &Path) -> pmc::Client {
    builder().client_id("serre").clean_session(false).persistence(dir).build().expect("a sound store")
}

/// Runs an ignored test of this file in a process of its own, behind `shell`, which sets its limits.
fn run(name: &str, dir: &Path, port: u16, shell: &str) -> Output {
    let program = env::current_exe().expect("the path of this test");
    Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$@\""), "sh"])
        .arg(program)
        .args([&format!("storing::{name}"), "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("DIR", dir)
        .env("PORT", port.to_string())
        .output()
        .expect("sh starts")
}

fn environment() -> (String, u16) {
    (env::var("DIR").expect("DIR"), env::var("PORT").expect("PORT").parse().expect("a port"))
}

#[test]
fn what_was_refused_is_not_delivered_by_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = run("a_program_with_a_full_queue", dir.path(), 1, "");
    assert!(!output.status.success(), "it ends in the middle");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("refused 1000"), "{printed}");
    assert_eq!(open(dir.path()).unconfirmed_messages(), 5);
}

#[test]
#[ignore = "the program of what_was_refused_is_not_delivered_by_the_next_start"]
fn a_program_with_a_full_queue() {
    let (dir, _) = environment();
    let client = open(Path::new(&dir));
    client.max_queued_messages_set(5);
    for number in 0..5 {
        client.publish("t", number, 1).expect("room");
    }
    // Several at a time, so that none of what they leave behind can be dealt with in between.
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || {
                for number in 0..250 {
                    assert!(matches!(client.publish("t", number, 1), Err(Error::QueueFull { .. })));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("refused"));
    println!("\nrefused 1000");
    std::process::abort();
}

#[test]
fn keep_latest_keeps_one_message_of_a_topic_over_restarts() {
    let dir = tempfile::tempdir().expect("a directory");
    let latest = || pmc::PublishOptions::new().qos(1).keep_latest();
    for start in 0..5 {
        let client = open(dir.path());
        assert_eq!(client.unconfirmed_messages(), start.min(1) * 2);
        for topic in ["serre/1", "serre/2"] {
            client.publish(topic, start, latest()).expect("queued");
        }
        assert_eq!(client.unconfirmed_messages(), 2, "start {start}");
    }
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        for topic in ["serre/1", "serre/2"] {
            let message = peer.expect_publish();
            assert_eq!((message.topic.as_str(), message.payload.as_slice()), (topic, &b"4"[..]));
            peer.puback(message.id);
        }
        peer.expect_disconnect();
    });
    let client = open(dir.path());
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("both are confirmed");
    broker.finish();
}

#[test]
fn a_small_disk_that_is_emptied_by_confirmations_never_wedges() {
    // A limit on the size of files instead of a full disk; writing beyond it is an error like any other.
    let broker = Mosquitto::start();
    let dir = tempfile::tempdir().expect("a directory");
    let limits = "trap '' XFSZ; ulimit -f 1000;";
    let output = run("a_program_on_a_small_disk", dir.path(), broker.port(), limits);
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}");
    assert_eq!(open(dir.path()).unconfirmed_messages(), 0);
}

#[test]
#[ignore = "the program of a_small_disk_that_is_emptied_by_confirmations_never_wedges"]
fn a_program_on_a_small_disk() {
    let (dir, port) = environment();
    let client = open(Path::new(&dir));
    client.connect(HOST, port).expect("a broker");
    client.loop_start().expect("a loop");
    for number in 0..2_000 {
        let info = client.publish("t", [7; 100], 1).unwrap_or_else(|error| panic!("message {number}: {error}"));
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    // Large ones too, one at a time.
    for number in 0..20 {
        let info = client.publish("t", vec![7; 100_000], 1).unwrap_or_else(|error| panic!("large {number}: {error}"));
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("all is confirmed");
}

#[test]
fn a_disk_that_was_full_takes_messages_again_once_it_is_emptied() {
    let broker = Mosquitto::start();
    for size in [100, 20_000, 100_000] {
        let dir = tempfile::tempdir().expect("a directory");
        let limits = format!("export SIZE={size}; trap '' XFSZ; ulimit -f 1000;");
        let output = run("a_program_that_fills_the_disk", dir.path(), broker.port(), &limits);
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{size}: {printed}");
        assert_eq!(open(dir.path()).unconfirmed_messages(), 0, "{size}: {printed}");
    }
}

#[test]
#[ignore = "the program of a_disk_that_was_full_takes_messages_again_once_it_is_emptied"]
fn a_program_that_fills_the_disk() {
    let (dir, port) = environment();
    let size: usize = env::var("SIZE").expect("SIZE").parse().expect("a number");
    let client = open(Path::new(&dir));
    let publish = || client.publish("t", vec![7; size], 1);
    let accepted = (0..100_000).take_while(|_| publish().is_ok()).count();
    assert!((2..100_000).contains(&accepted), "{accepted}");
    assert!(matches!(publish(), Err(Error::Storage { .. })));
    assert_eq!(client.unconfirmed_messages(), accepted);
    client.connect(HOST, port).expect("a broker");
    client.loop_start().expect("a loop");
    wait_until("all to be confirmed", DEADLINE, || client.unconfirmed_messages() == 0);
    for number in 0..200 {
        let info = publish().unwrap_or_else(|error| panic!("{number}, after {accepted}: {error}"));
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.disconnect().expect("all is confirmed");
}

#[test]
fn a_second_client_that_is_refused_does_not_unlock_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = open(dir.path());
    let second = builder().client_id("serre").persistence(dir.path()).build();
    assert!(matches!(second, Err(Error::Storage { .. })));
    let output = run("a_program_that_is_not_the_first", dir.path(), 1, "");
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}");
    drop(first);
}

#[test]
#[ignore = "the program of a_second_client_that_is_refused_does_not_unlock_the_store"]
fn a_program_that_is_not_the_first() {
    let (dir, _) = environment();
    let client = builder().client_id("serre").persistence(&dir).build();
    let error = client.map(|_| ()).expect_err("the store is in use").to_string();
    assert!(error.contains("another program uses it"), "{error}");
}

#[test]
fn a_drop_while_an_attempt_is_under_way_frees_the_store() {
    let nobody = DeadAddress::new();
    let dir = tempfile::tempdir().expect("a directory");
    let client = open(dir.path());
    client.connect_timeout_set(3_600).expect("a time");
    let (tell, trying) = Probe::pair();
    client.on_pre_connect(move |_, _| {
        let _ = tell.send(());
    });
    client.publish("t", "x", 1).expect("queued");
    client.connect_async(HOST, nobody.port()).expect("valid");
    client.loop_start().expect("a loop");
    trying.next("the attempt");
    // Time for it to be made: the attempt waits for its answer then.
    wait_until("the attempt to be on its way", DEADLINE, || nobody.is_tried());
    returns("the drop", move || drop(client));
    assert_eq!(open(dir.path()).unconfirmed_messages(), 1);
}

#[test]
fn files_are_their_owners_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let below = dir.path().join("messages");
    let client = open(&below);
    for number in 0..100 {
        client.publish("t", number, 1).expect("queued");
    }
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&below), 0o700);
    let files: Vec<_> = fs::read_dir(&below).expect("the directory").flatten().map(|entry| entry.path()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    drop(client);
}

/// Where a broker that goes by packet ids alone stands: which it holds, and what it has delivered.
#[derive(Default)]
struct ById {
    held: Vec<u16>,
    delivered: Vec<String>,
}

impl ById {
    /// Takes `count` packets of exchanges at QoS 2 (MQTT 5, section 4.3.3, method A): a message under an id that is held
    /// is the one that is held.
    fn take(&mut self, peer: &mut Peer, mut more: impl FnMut(&Self) -> bool) {
        while more(self) {
            match peer.read_packet() {
                Packet::Publish(message) => {
                    if !self.held.contains(&message.id) {
                        self.held.push(message.id);
                        self.delivered.push(message.topic);
                    }
                    peer.pubrec(message.id);
                }
                Packet::PubRel(ack) => {
                    self.held.retain(|id| *id != ack.id);
                    peer.pubcomp(ack.id);
                }
                other => panic!("not of an exchange: {other:?}"),
            }
        }
    }
}

#[test]
fn a_restart_in_the_middle_of_qos_2_loses_and_doubles_nothing() {
    // Of three messages the first is over, the others have been taken by the broker, which the program never hears.
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            for topic in ["a", "b", "c"] {
                assert_eq!(peer.expect_publish().topic, topic);
            }
            peer.pubrec(1);
            assert_eq!(peer.expect_pubrel().id, 1);
            peer.pubcomp(1);
            peer.close();
        }),
        script(|peer| {
            peer.expect_connect();
            peer.connack(0, true);
            let mut broker = ById { held: vec![2, 3], delivered: ["a", "b", "c"].map(str::to_owned).to_vec() };
            broker.take(peer, |it| it.delivered.len() < 4 || !it.held.is_empty());
            assert_eq!(broker.delivered, ["a", "b", "c", "d"]);
            peer.expect_disconnect();
        }),
    ]);
    let dir = tempfile::tempdir().expect("a directory");
    let client = open(dir.path());
    client.reconnect_delay_set(3_600, 3_600).expect("delays");
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    let infos = ["a", "b", "c"].map(|topic| client.publish(topic, "x", 2).expect("connected"));
    infos[0].wait_for_publish(DEADLINE).expect("confirmed");
    wait_until("the loss", DEADLINE, || !client.is_connected());
    returns("the drop", move || drop(client));

    let client = open(dir.path());
    assert_eq!(client.unconfirmed_messages(), 2);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.publish("d", "x", 2).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    client.disconnect().expect("all is confirmed");
    broker.finish();
}

#[test]
fn after_a_restart_another_broker_is_told_everything() {
    let first = ScriptedBroker::run(|peer| {
        peer.accept();
        for _ in 0..2 {
            peer.expect_publish();
        }
        peer.pubrec(1);
        assert_eq!(peer.expect_pubrel().id, 1);
        peer.close();
    });
    let second = ScriptedBroker::run(|peer| {
        peer.expect_connect();
        // From another time, it holds messages under the same ids.
        peer.connack(0, true);
        for topic in ["a", "b"] {
            let message = peer.expect_publish();
            assert_eq!((message.topic.as_str(), message.dup), (topic, false), "published anew");
            peer.pubrec(message.id);
        }
        for _ in 0..2 {
            let release = peer.expect_pubrel();
            peer.pubcomp(release.id);
        }
        peer.expect_disconnect();
    });
    let dir = tempfile::tempdir().expect("a directory");
    let client = open(dir.path());
    client.reconnect_delay_set(3_600, 3_600).expect("delays");
    client.connect(HOST, first.port()).expect("accepted");
    client.loop_start().expect("a loop");
    for topic in ["a", "b"] {
        client.publish(topic, "x", 2).expect("connected");
    }
    first.finish();
    wait_until("the loss", DEADLINE, || !client.is_connected());
    returns("the drop", move || drop(client));
    let client = open(dir.path());
    client.connect(HOST, second.port()).expect("accepted");
    client.loop_start().expect("a loop");
    client.disconnect().expect("all is confirmed");
    second.finish();
}

#[test]
fn after_a_restart_a_list_of_brokers_is_the_same_in_any_order() {
    for are_shared in [true, false] {
        let (told, taken) = Probe::pair();
        let first = ScriptedBroker::run(move |peer| {
            peer.accept();
            let message = peer.expect_publish();
            let _ = told.send(message.id);
            peer.read_to_eof();
        });
        let second = ScriptedBroker::run(move |peer| {
            peer.expect_connect();
            peer.connack(0, true);
            let message = peer.expect_publish();
            assert_eq!((message.id, message.dup), (1, are_shared), "a cluster is the same, another node is not");
            peer.puback(message.id);
            peer.expect_disconnect();
        });
        let dir = tempfile::tempdir().expect("a directory");
        let start = |brokers: [&ScriptedBroker; 2]| {
            let client = open(dir.path());
            let options = pmc::ConnectOptions::new().sessions_are_shared(are_shared);
            client.connect_many(brokers.map(|broker| (HOST, broker.port())), options).expect("accepted");
            client.loop_start().expect("a loop");
            client
        };
        let client = start([&first, &second]);
        client.publish("a", "x", 1).expect("connected");
        assert_eq!(taken.next("the message"), 1);
        returns("the drop", move || drop(client));
        let client = start([&second, &first]);
        client.disconnect().expect("it is confirmed");
        first.finish();
        second.finish();
    }
}

#[test]
fn ids_go_on_where_they_were() {
    // A message accepted after a restart gets no id that one from before still has.
    let dir = tempfile::tempdir().expect("a directory");
    let client = open(dir.path());
    let before: Vec<u16> = (0..3).map(|number| client.publish("t", number, 1).expect("queued").mid()).collect();
    returns("the drop", move || drop(client));
    let client = open(dir.path());
    let after = client.publish("t", 3, 1).expect("queued").mid();
    assert!(!before.contains(&after), "{after} is one of {before:?}");
    drop(client);
}
