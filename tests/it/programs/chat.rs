//! Exercise 3: the chat.

use super::{Observer, at, code_and_texts, heard, says_broker};
use crate::common::machine::host_name;
use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;

fn arrival(chatter: &Example) -> String {
    format!("{}-{} est arrivé", host_name(), chatter.pid())
}

fn farewell(chatter: &Example) -> String {
    format!("{}-{} a quitté", host_name(), chatter.pid())
}

/// A chatter that has seen itself arrive.
#[track_caller]
fn arrive(broker: &Mosquitto) -> Example {
    let chatter = Example::spawn("ex3", &["--broker", &at(broker)]);
    assert_eq!(chatter.line(), "Connecté");
    assert_eq!(chatter.line(), format!("\t\t {}", arrival(&chatter)));
    chatter
}

/// Ends with exit code 0 at the end of its input. Its own farewell may come back to it before it disconnects, or not.
#[track_caller]
fn check_end(mut chatter: Example, broker: &Mosquitto) {
    chatter.close_stdin();
    let own = format!("\t\t {}\n", farewell(&chatter));
    let (code, stdout, stderr) = code_and_texts(chatter.wait());
    assert_eq!((code, stderr), (Some(0), says_broker(broker)));
    assert!(stdout.is_empty() || stdout == own, "{stdout:?}");
}

#[test]
fn two_chatters_read_each_other() {
    let broker = Mosquitto::start();
    let mut first = arrive(&broker);
    let mut second = arrive(&broker);
    assert_eq!(first.line(), format!("\t\t {}", arrival(&second)));

    first.write_line("bonjour");
    assert_eq!(first.line(), "\t\t bonjour");
    assert_eq!(second.line(), "\t\t bonjour");
    second.write_line("  à bientôt ☀ ");
    assert_eq!(second.line(), "\t\t   à bientôt ☀ ");
    assert_eq!(first.line(), "\t\t   à bientôt ☀ ");
    first.write_line("");
    assert_eq!(second.line(), "\t\t ");
    assert_eq!(first.line(), "\t\t ");

    let gone = format!("\t\t {}", farewell(&second));
    check_end(second, &broker);
    assert_eq!(first.line(), gone);
    check_end(first, &broker);
}

#[test]
fn the_end_of_input_says_goodbye_once() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let chatter = arrive(&broker);
    let (came, went) = (arrival(&chatter), farewell(&chatter));
    assert_eq!(observer.next(), heard("exercice3", &came, 0));
    check_end(chatter, &broker);
    assert_eq!(observer.next(), heard("exercice3", &went, 1));
    observer.has_heard_all();
}

#[test]
fn after_ctrl_c_and_after_a_kill_the_broker_says_goodbye() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    for end in [Example::interrupt, Example::kill] {
        let mut chatter = arrive(&broker);
        assert_eq!(observer.next(), heard("exercice3", &arrival(&chatter), 0));
        let went = farewell(&chatter);
        end(&mut chatter);
        assert_eq!(observer.next(), heard("exercice3", &went, 0));
    }
    observer.has_heard_all();
}

#[test]
fn lines_written_before_the_connection_are_sent_in_order() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let mut chatter = Example::spawn("ex3", &["--broker", &at(&broker)]);
    chatter.write("un\ndeux\ntrois\n".as_bytes());
    // Its arrival is announced by the loop, its lines are sent by the keyboard's thread: only each has its order.
    let came = arrival(&chatter);
    let mut lines: Vec<String> = (0..4).map(|_| observer.next().1).collect();
    lines.retain(|line| *line != came);
    assert_eq!(lines, ["un", "deux", "trois"]);
}
