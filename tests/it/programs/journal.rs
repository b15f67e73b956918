//! The broker of `docs/cours/tls.md`, set up by exactly the commands that stand there, and the logger that it shows.

use std::fs;

use rappel as pmc;
use tempfile::TempDir;

use super::documented::{Running, commands, run_in};
use crate::support::client::quick;
use crate::support::mosquitto::free_port;
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, holds_within};

/// The port of the document.
const PORT: &str = "8883";

#[test]
fn the_logger_writes_what_passes_and_misses_nothing() {
    let dir = TempDir::new().expect("an empty directory");
    let port = free_port();
    let page = commands("docs/cours/tls.md");
    let [certificates, configuration, start] = &page[..] else {
        panic!("docs/cours/tls.md has three blocks of commands, and says so");
    };
    run_in(dir.path(), certificates);
    assert_eq!(configuration.matches(PORT).count(), 1);
    run_in(dir.path(), &configuration.replace(PORT, &port.to_string()));
    let _broker = Running::start(dir.path(), start);

    let file = |name: &str| dir.path().join(name).display().to_string();
    let (port_text, authority, journal) = (port.to_string(), file("ca.crt"), file("journal.csv"));
    let client = quick();
    client.tls_set(pmc::TlsOptions::new().ca_certs(&authority)).expect("the certificate of the page");
    let mut answer = Ok(());
    let answers = holds_within(DEADLINE, || {
        answer = client.connect("localhost", port);
        answer.is_ok()
    });
    assert!(answers, "the documented broker does not answer: {answer:?}");
    client.loop_start().expect("a loop");
    let publish = |value: &str| {
        let info = client.publish("serre/temperature", value, 1).expect("connected");
        info.wait_for_publish(DEADLINE).expect("confirmed");
    };
    let logger = || Example::spawn("journal_tls", &["localhost", &port_text, &authority, &journal]);

    let first = logger();
    first.expect_line("Connecté");
    // Published until it is subscribed.
    let logged = || fs::read_to_string(&journal).unwrap_or_default();
    let heard = holds_within(DEADLINE, || {
        publish("21.5");
        logged().contains(";serre/temperature;21.5\n")
    });
    assert!(heard, "{}", first.output());
    drop(first);
    publish("22.5");
    let second = logger();
    second.expect_line("serre/temperature: 22.5");
    drop(second);
    let last = logged().lines().last().map(str::to_owned).unwrap_or_default();
    let (time, rest) = last.split_once(';').expect("a line");
    assert!(time.parse::<u64>().is_ok_and(|seconds| seconds > 1_700_000_000), "{last}");
    assert_eq!(rest, "serre/temperature;22.5");
    client.disconnect().expect("connected");
}

#[test]
fn the_logger_says_what_is_wrong() {
    let logger = |arguments: &[&str]| {
        let (status, stdout, stderr) = Example::spawn("journal_tls", arguments).wait();
        assert!(!status.success() && stdout.is_empty(), "{stdout}");
        stderr
    };
    let dir = TempDir::new().expect("a directory");
    let journal = dir.path().join("journal.csv").display().to_string();
    let stderr = logger(&["localhost", PORT, "absent.crt", &journal]);
    assert!(stderr.contains("Error: absent.crt ne peut pas servir de ca_certs : ce fichier n'existe pas"), "{stderr}");
}
