//! The programs of the course's page, and exercise 1.

use std::os::unix::process::ExitStatusExt;

use super::{Observer, at, expect_subscriptions, heard, run, says_broker};
use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;

const SIGINT: i32 = 2;

/// Ends a program that has no farewell to say with Ctrl-C; it has printed nothing more.
#[track_caller]
fn interrupt(mut example: Example, stderr: &str) {
    example.interrupt();
    let (status, stdout, printed) = example.wait();
    assert_eq!(status.signal(), Some(SIGINT));
    assert_eq!((stdout.as_str(), printed.as_str()), ("", stderr));
}

#[test]
fn recevoir_prints_what_publier_sends() {
    let broker = Mosquitto::start();
    let recevoir = Example::spawn("recevoir", &["--broker", &at(&broker)]);
    assert_eq!(recevoir.line(), "Connecté");
    expect_subscriptions(&broker, 1);

    for _ in 0..2 {
        let (code, stdout, stderr) = run("publier", &["--broker", &at(&broker)]);
        assert_eq!((code, stdout, stderr), (Some(0), "Connecté\n".to_owned(), says_broker(&broker)));
        assert_eq!(recevoir.line(), "Reçu: allo");
    }
    interrupt(recevoir, &says_broker(&broker));
}

#[test]
fn publier_has_sent_its_message_when_it_ends() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    for _ in 0..5 {
        assert_eq!(run("publier", &["--broker", &at(&broker)]).0, Some(0));
        assert_eq!(observer.next(), heard("test", "allo", 0));
    }
    observer.has_heard_all();
}

#[test]
fn recevoir_goes_on_when_the_broker_comes_back() {
    let broker = Mosquitto::start();
    let recevoir = Example::spawn("recevoir", &["--broker", &at(&broker)]);
    assert_eq!(recevoir.line(), "Connecté");
    broker.restart();
    assert_eq!(recevoir.line(), "Connecté");
    expect_subscriptions(&broker, 2);
    assert_eq!(run("publier", &["--broker", &at(&broker)]).0, Some(0));
    assert_eq!(recevoir.line(), "Reçu: allo");
}

#[test]
fn authentification_with_the_right_password() {
    let broker = Mosquitto::builder().anonymous(false).user("alice", "abc-123").start();
    let observer = Observer::with_login(broker.port(), ("alice", "abc-123"));
    let (code, stdout, stderr) = run("authentification", &["--broker", &at(&broker)]);
    assert_eq!((code, stdout, stderr), (Some(0), "Connecté\n".to_owned(), says_broker(&broker)));
    assert_eq!(observer.next(), heard("test", "allo", 0));
}

#[test]
fn authentification_with_a_wrong_password() {
    let broker = Mosquitto::builder().anonymous(false).user("alice", "abc-123").start();
    let observer = Observer::with_login(broker.port(), ("alice", "abc-123"));
    for wrong in [["--mot-de-passe", "faux"], ["--utilisateur", "bob"]] {
        let (code, stdout, stderr) = run("authentification", &[&["--broker", &at(&broker)][..], &wrong].concat());
        assert_eq!((code, stdout.as_str()), (Some(1), "Erreur code 135\n"));
        assert_eq!(stderr, format!("{}{}", says_broker(&broker), super::refusal(&at(&broker))));
    }
    observer.has_heard_all();
}

#[test]
fn qos_prints_the_confirmation_before_it_ends() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    for _ in 0..10 {
        let (code, stdout, stderr) = run("qos", &["--broker", &at(&broker)]);
        assert_eq!((code, stdout.as_str()), (Some(0), "Envoi confirmé message #1\n"));
        assert_eq!(stderr, says_broker(&broker));
        assert_eq!(observer.next(), heard("test", "Voici un message", 2));
    }
    observer.has_heard_all();
}

#[test]
fn ex1_announces_its_address_and_listens() {
    let broker = Mosquitto::start();
    let first = Example::spawn("ex1", &["--broker", &at(&broker)]);
    assert_eq!(first.line(), "Connecté");
    assert_eq!(first.line(), "Reçu: 127.0.0.1 connecté");

    let second = Example::spawn("ex1", &["--broker", &format!("localhost:{}", broker.port())]);
    assert_eq!(second.line(), "Connecté");
    assert_eq!(second.line(), "Reçu: 127.0.0.1 connecté");
    assert_eq!(first.line(), "Reçu: 127.0.0.1 connecté");
    interrupt(first, &says_broker(&broker));
}

/// Not of the course, but an example like the others.
#[test]
fn bench_prints_one_line_of_measures() {
    let broker = Mosquitto::start();
    for mode in ["pub", "rtt"] {
        let port = broker.port().to_string();
        let (code, stdout, stderr) = run("bench", &["--port", &port, "--mode", mode, "--qos", "1", "--n", "100"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{mode}");
        assert!(stdout.starts_with('{') && stdout.ends_with("}\n") && stdout.lines().count() == 1, "{stdout}");
    }
}
