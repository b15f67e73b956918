//! A machine on which something is missing: threads for a while, and /proc.
#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::num::ParseIntError;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::str::FromStr;

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};

use crate::support::client::{HOST, back_at_once, plain, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::wait::DEADLINE;

/// A user that has nothing else running: limits of threads count all that a user has, and the administrator has none.
const NOBODY_ELSE: u32 = 61_234;

/// Runs an ignored test of this file in a process of its own, behind `before`; gives what it printed.
fn run(name: &str, environment: &[(&str, u64)], before: &str) -> String {
    let broker = Mosquitto::start();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{before} exec \"$@\""), "sh"])
        .arg(env::current_exe().expect("the path of this test"))
        .args([&format!("scarce::{name}"), "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("PORT", broker.port().to_string());
    command.envs(environment.iter().map(|(name, value)| (name, value.to_string())));
    // What takes something away needs to be the administrator for it.
    if before.is_empty() && geteuid().is_root() {
        command.uid(NOBODY_ELSE);
    }
    let output = command.output().expect("sh starts");
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} failed in a process of its own ({}):\n{printed}", output.status);
    assert!(printed.contains("1 passed"), "there is no test {name} marked #[ignore]:\n{printed}");
    printed
}

fn number<N: FromStr<Err = ParseIntError>>(name: &str) -> N {
    env::var(name).expect(name).parse().expect("a number")
}

/// Connects, publishes, and ends in order.
#[track_caller]
fn makes_a_round(client: rappel::Client) {
    let client = back_at_once(client);
    client.connect(HOST, number("PORT")).expect("a broker");
    client.loop_start().expect("a loop");
    client.publish("t", "x", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    client.disconnect().expect("connected");
}

#[test]
fn too_few_threads_at_first_are_no_harm_for_good() {
    // However many more a first connection needs: from none up to all of them, each may be the one that is missing.
    let printed: Vec<String> =
        (0..8).map(|more| run("a_first_connection_without_threads", &[("MORE", more)], "")).collect();
    println!("{}", printed.concat());
    assert!(printed[0].contains("failed: "), "the limit has no effect");
    assert!(!printed[7].contains("failed: ") || !geteuid().is_root(), "7 more are not enough");
}

#[test]
#[ignore = "run by too_few_threads_at_first_are_no_harm_for_good, alone in its process"]
fn a_first_connection_without_threads() {
    let before = getrlimit(Resource::Nproc);
    let threads = fs::read_dir("/proc/self/task").expect("the threads").count() as u64;
    let more: u64 = number("MORE");
    let few = Rlimit { current: Some(threads + more), maximum: before.maximum };
    setrlimit(Resource::Nproc, few).expect("a lower limit");
    let client = quick();
    let outcome = client.connect(HOST, number("PORT"));
    setrlimit(Resource::Nproc, before).expect("the limit as before");
    if let Err(error) = outcome {
        let text = error.to_string();
        println!("{more} more failed: {text}");
        assert!(!text.contains("DNS") && !text.contains("foreign program"), "{more} more: {text}");
        assert!(text.contains("Resource temporarily unavailable") && text.contains("ulimit"), "{more} more: {text}");
    }
    // The same client, and another one.
    makes_a_round(client);
    makes_a_round(quick());
}

#[test]
fn without_proc_there_are_connections_all_the_same() {
    let hides = "mount -t tmpfs none /proc";
    // The administrator may take it away; others only where they may play one.
    let may_hide = |how: &&str| {
        let status = Command::new("unshare").args([how, "sh", "-c", hides]).status();
        status.is_ok_and(|status| status.success())
    };
    let Some(how) = ["-m", "-rm"].into_iter().find(may_hide) else {
        println!("this user may not take /proc away");
        return;
    };
    let before = format!("exec unshare {how} sh -c '{hides}; exec \"$@\"' sh \"$@\";");
    println!("{}", run("a_connection_without_proc", &[], &before));
}

#[test]
#[ignore = "run by without_proc_there_are_connections_all_the_same, alone in its process"]
fn a_connection_without_proc() {
    assert!(!fs::exists("/proc/self").unwrap_or(true), "/proc is still there");
    makes_a_round(plain());
}
