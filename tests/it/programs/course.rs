//! The programs of the course's page, and exercise 1.

use std::io::Read;
use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use super::{Observer, at, expect_subscriptions, heard, run, says_broker};
use crate::common::machine::{address_towards, host_name};
use crate::support::guarded::Guarded;
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::process::Example;
use crate::support::wait::DEADLINE;

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
    expect_subscriptions(&broker, 1);
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
        super::check_refused(&stderr);
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

/// How an example presents itself when the broker is on its own machine.
fn announced(example: &Example) -> String {
    format!("Reçu: {}-{} connecté", host_name(), example.pid())
}

#[test]
fn two_of_ex1_on_one_machine_have_two_names() {
    let broker = Mosquitto::start();
    let first = Example::spawn("ex1", &["--broker", &at(&broker)]);
    assert_eq!(first.line(), "Connecté");
    assert_eq!(first.line(), announced(&first));

    let second = Example::spawn("ex1", &["--broker", &format!("localhost:{}", broker.port())]);
    assert_eq!(second.line(), "Connecté");
    assert_eq!(second.line(), announced(&second));
    assert_eq!(first.line(), announced(&second));
    interrupt(first, &says_broker(&broker));
}

#[test]
fn ex1_announces_the_address_by_which_the_broker_is_reached() {
    let Some(address) = address_of_this_machine() else { return };
    let port = free_port();
    let _broker = Mosquitto::builder().extra_config(&format!("listener {port} 0.0.0.0")).start();
    let ex1 = Example::spawn("ex1", &["--broker", &format!("{address}:{port}")]);
    assert_eq!(ex1.line(), "Connecté");
    assert_eq!(ex1.line(), format!("Reçu: {address} connecté"));
}

/// An address of this machine that is not the loopback's, when it has a network.
fn address_of_this_machine() -> Option<IpAddr> {
    // Reserved for documentation: nobody is there, and nothing is sent.
    address_towards("192.0.2.1", 1883).ok().filter(|address| address.is_ipv4() && !address.is_loopback())
}

#[test]
fn ex1_hears_itself_again_when_the_broker_comes_back() {
    let broker = Mosquitto::start();
    let ex1 = Example::spawn("ex1", &["--broker", &at(&broker)]);
    for restart in [true, true, false] {
        assert_eq!(ex1.line(), "Connecté");
        assert_eq!(ex1.line(), announced(&ex1));
        if restart {
            broker.restart();
        }
    }
}

#[test]
fn nobody_reads_any_more_is_an_end_like_any_other() {
    let broker = Mosquitto::start();
    let folder = std::env::current_exe().expect("the path of this test");
    let folder = folder.ancestors().nth(2).expect("target/PROFILE/deps/TEST").join("examples");
    // The exit code of `recevoir` itself goes the same way as its complaints, if it had any.
    let line = r#"{ ./recevoir --broker "$0" 2>&1 >&3; echo "code $?"; } 3>&1 >&2 | head -1"#;
    let mut shell = Guarded::spawn(Path::new("sh"), ["-c", line, &at(&broker)], |command| {
        command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("MQTT_BROKER");
    });
    expect_subscriptions(&broker, 1);
    // `head` has gone after "Connecté": the next line finds no reader.
    assert_eq!(run("publier", &["--broker", &at(&broker)]).0, Some(0));
    let ended = shell.wait_within(DEADLINE);
    let text = |stream: Option<&mut dyn Read>| {
        let mut text = String::new();
        stream.expect("a pipe").read_to_string(&mut text).expect("text");
        text
    };
    let (mut stdout, mut stderr) = (shell.take_stdout(), shell.take_stderr());
    assert!(ended.is_some(), "recevoir goes on without a reader");
    assert_eq!(text(stdout.as_mut().map(|stream| stream as _)), "Connecté\n");
    assert_eq!(text(stderr.as_mut().map(|stream| stream as _)), format!("{}code 0\n", says_broker(&broker)));
}

/// Not of the course, but an example like the others.
#[test]
fn bench_prints_one_line_of_measures() {
    let broker = Mosquitto::start();
    for mode in ["pub", "rtt", "queue"] {
        let port = broker.port().to_string();
        let (code, stdout, stderr) = run("bench", &["--port", &port, "--mode", mode, "--qos", "1", "--n", "100"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{mode}");
        assert!(stdout.starts_with('{') && stdout.ends_with("}\n") && stdout.lines().count() == 1, "{stdout}");
    }
}
