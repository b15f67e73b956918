//! Exercises 2 and 5: a message at each press of the button, here the Enter key.

use super::{INFO, Observer, at, code_and_texts, heard, says_broker};
use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;

const SIMULATED: &str = "(bouton simulé, chaque appui sur Entrée est un clic, Ctrl-C termine)\n";

/// A broker that only lets the user of exercise 5 in.
fn closed_broker() -> Mosquitto {
    Mosquitto::builder().anonymous(false).user(INFO.0, INFO.1).start()
}

fn spawn(name: &str, broker: &Mosquitto) -> Example {
    Example::spawn(name, &["--simulate", "--broker", &at(broker)])
}

/// What such a program has on stderr when all goes well.
fn notices(broker: &Mosquitto) -> String {
    format!("{SIMULATED}{}", says_broker(broker))
}

#[test]
fn ex2_publishes_each_press_and_ends_with_its_input() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let mut ex2 = spawn("ex2", &broker);
    ex2.write(b"\n\n\n");
    for _ in 0..3 {
        assert_eq!(observer.next(), heard("exercice2", "clic", 1));
    }
    ex2.close_stdin();
    assert_eq!(code_and_texts(ex2.wait()), (Some(0), "Connecté\n".to_owned(), notices(&broker)));
    observer.has_heard_all();
}

#[test]
fn ex2_sends_the_presses_of_an_outage_when_the_broker_is_back() {
    let broker = Mosquitto::builder().persistence(true).start();
    let observer = Observer::with_session(&broker);
    let mut ex2 = spawn("ex2", &broker);
    assert_eq!(ex2.line(), "Connecté");
    ex2.write_line("");
    assert_eq!(observer.next(), heard("exercice2", "clic", 1));

    broker.term();
    ex2.expect_error_line("Avertissement (rappel) : ");
    ex2.write(b"\n\n\n");
    ex2.expect_all_read();
    broker.restart();
    assert_eq!(ex2.line(), "Connecté");
    for _ in 0..3 {
        assert_eq!(observer.next(), heard("exercice2", "clic", 1));
    }
    ex2.close_stdin();
    let (code, stdout, _) = code_and_texts(ex2.wait());
    assert_eq!((code, stdout), (Some(0), String::new()));
}

#[test]
fn ex5_confirms_each_press() {
    let broker = closed_broker();
    let observer = Observer::with_login(broker.port(), INFO);
    let mut ex5 = spawn("ex5", &broker);
    ex5.write(b"\n\n\n");
    for _ in 0..3 {
        assert_eq!(ex5.line(), "Message envoyé");
        assert_eq!(observer.next(), heard("exercice5", "clic", 2));
    }
    ex5.close_stdin();
    assert_eq!(code_and_texts(ex5.wait()), (Some(0), String::new(), notices(&broker)));
    observer.has_heard_all();
}

#[test]
fn ex5_says_why_a_wrong_password_is_refused() {
    let broker = Mosquitto::builder().anonymous(false).user(INFO.0, "un autre").start();
    let mut ex5 = spawn("ex5", &broker);
    ex5.close_stdin();
    let (code, stdout, stderr) = code_and_texts(ex5.wait());
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    super::check_refused(&stderr);
}
