//! Exercise 3: the chat.

use super::{Observer, at, code_and_texts, heard, says_broker};
use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;

const ARRIVAL: &str = "127.0.0.1 est arrivé";
const FAREWELL: &str = "127.0.0.1 a quitté";

/// A chatter that has seen itself arrive.
#[track_caller]
fn arrive(broker: &Mosquitto) -> Example {
    let chatter = Example::spawn("ex3", &["--broker", &at(broker)]);
    assert_eq!(chatter.line(), "Connecté");
    assert_eq!(chatter.line(), format!("\t\t {ARRIVAL}"));
    chatter
}

/// Ends with exit code 0. Its own farewell may come back to it before it disconnects, or not.
#[track_caller]
fn check_end(chatter: Example, broker: &Mosquitto) {
    let (code, stdout, stderr) = code_and_texts(chatter.wait());
    assert_eq!((code, stderr), (Some(0), says_broker(broker)));
    assert!(stdout.is_empty() || stdout == format!("\t\t {FAREWELL}\n"), "{stdout:?}");
}

#[test]
fn two_chatters_read_each_other() {
    let broker = Mosquitto::start();
    let mut first = arrive(&broker);
    let mut second = arrive(&broker);
    assert_eq!(first.line(), format!("\t\t {ARRIVAL}"));

    first.write_line("bonjour");
    assert_eq!(first.line(), "\t\t bonjour");
    assert_eq!(second.line(), "\t\t bonjour");
    second.write_line("  à bientôt ☀ ");
    assert_eq!(second.line(), "\t\t   à bientôt ☀ ");
    assert_eq!(first.line(), "\t\t   à bientôt ☀ ");
    first.write_line("");
    assert_eq!(second.line(), "\t\t ");
    assert_eq!(first.line(), "\t\t ");

    second.close_stdin();
    check_end(second, &broker);
    assert_eq!(first.line(), format!("\t\t {FAREWELL}"));
    first.interrupt();
    check_end(first, &broker);
}

#[test]
fn the_end_of_input_says_goodbye() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let mut chatter = arrive(&broker);
    assert_eq!(observer.next(), heard("exercice3", ARRIVAL, 0));
    chatter.close_stdin();
    check_end(chatter, &broker);
    assert_eq!(observer.next(), heard("exercice3", FAREWELL, 1));
    observer.has_heard_all();
}

#[test]
fn ctrl_c_says_goodbye() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let mut chatter = arrive(&broker);
    assert_eq!(observer.next(), heard("exercice3", ARRIVAL, 0));
    chatter.interrupt();
    check_end(chatter, &broker);
    assert_eq!(observer.next(), heard("exercice3", FAREWELL, 1));
    observer.has_heard_all();
}

#[test]
fn lines_written_before_the_connection_are_sent_in_order() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let mut chatter = Example::spawn("ex3", &["--broker", &at(&broker)]);
    chatter.write(b"un\ndeux\n\xff\xfe\ntrois");
    chatter.close_stdin();
    let (code, _, stderr) = code_and_texts(chatter.wait());
    let ignored = "(ligne ignorée : ce n'est pas du texte UTF-8)\n";
    assert_eq!((code, stderr), (Some(0), format!("{}{ignored}", says_broker(&broker))));
    for line in [ARRIVAL, "un", "deux", "trois"] {
        assert_eq!(observer.next(), heard("exercice3", line, 0));
    }
    assert_eq!(observer.next(), heard("exercice3", FAREWELL, 1));
    observer.has_heard_all();
}
