//! Exercise 4: the light of the Pis, its display, and the demo.

use std::net::TcpStream;

use super::{Observer, at, code_and_texts, expect_subscriptions, says_broker};
use crate::common::machine::host_name;
use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, holds_within, wait_until};

const LINE: &str = "-------------";
/// The start of the hint that there is nothing to display.
const HINT: &str = "(aucune valeur récente";

/// The next block: host, maximum and mean as they are printed.
#[track_caller]
fn block(program: &Example) -> (String, u8, String) {
    let lines = [program.line(), program.line(), program.line()];
    parse(&lines).unwrap_or_else(|| panic!("not a block: {lines:?}"))
}

fn parse(lines: &[String; 3]) -> Option<(String, u8, String)> {
    let (host, max) = lines[0].strip_prefix("Max: ")?.strip_suffix(')')?.rsplit_once(" (")?;
    let mean = lines[1].strip_prefix("Moy: ")?;
    let (_, decimals) = mean.split_once('.')?;
    let well_formed = decimals.len() == 2 && mean.parse::<f64>().is_ok() && lines[2] == LINE;
    well_formed.then(|| (host.to_owned(), max.parse().unwrap_or(u8::MAX), mean.to_owned()))
}

/// `ex4_sub` with a period in seconds, subscribed.
#[track_caller]
fn subscribed(broker: &Mosquitto, period: &str) -> Example {
    let already = broker.log().matches("Sending SUBACK").count();
    let ex4_sub = Example::spawn("ex4_sub", &["--periode", period, "--broker", &at(broker)]);
    expect_subscriptions(broker, already + 1);
    ex4_sub
}

/// Sends these values again and again, as Pis do, until the block is `expected`.
#[track_caller]
fn check(ex4_sub: &Example, publisher: &Observer, values: &[(&str, &str)], expected: (&str, u8, &str)) {
    let mut last = None;
    let shown = holds_within(DEADLINE, || {
        for (host, value) in values {
            publisher.publish(&format!("/ex4/{host}"), value);
        }
        let (host, max, mean) = block(ex4_sub);
        let shown = (host.as_str(), max, mean.as_str()) == expected;
        last = Some((host, max, mean));
        shown
    });
    assert!(shown, "{last:?} instead of {expected:?}");
}

/// Ends `ex4_sub`; what it has said on stderr, without hints.
#[track_caller]
fn warnings(mut ex4_sub: Example) -> String {
    ex4_sub.interrupt();
    let (_, _, stderr) = ex4_sub.wait();
    stderr.lines().filter(|line| !line.starts_with(HINT)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn ex4_pub_publishes_its_light_at_once_and_regularly() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let args = ["--simulate", "--nom", "Equipe 3", "--periode", "0,05", "--broker", &at(&broker)];
    let mut ex4_pub = Example::spawn("ex4_pub", &args);
    let values: Vec<String> = (0..20).map(|_| observer.next()).map(|heard| value_of("Equipe 3", heard)).collect();
    assert!(values.iter().any(|value| *value != values[0]), "the light varies: {values:?}");
    ex4_pub.interrupt();
    let (_, stdout, stderr) = ex4_pub.wait();
    assert_eq!(stdout, "Connecté\n");
    assert_eq!(stderr, format!("(capteur de lumière simulé)\n{}", says_broker(&broker)));
}

/// The payload of a message of this Pi, which is a percentage.
#[track_caller]
fn value_of(name: &str, (topic, payload, qos): (String, String, u8)) -> String {
    assert_eq!((topic, qos), (format!("/ex4/{name}"), 0));
    assert!(payload.parse::<u8>().is_ok_and(|value| value <= 100), "{payload}");
    payload
}

#[test]
fn ex4_pub_is_called_as_the_machine() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let _ex4_pub = Example::spawn("ex4_pub", &["--simulate", "--broker", &at(&broker)]);
    value_of(&host_name(), observer.next());
}

#[test]
fn ex4_sub_displays_what_ex4_pub_measures() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let ex4_sub = subscribed(&broker, "0.2");
    let args = ["--simulate", "--nom", "denis", "--periode", "0.2", "--broker", &at(&broker)];
    let ex4_pub = Example::spawn("ex4_pub", &args);
    assert_eq!(ex4_pub.line(), "Connecté");

    let mut published = Vec::new();
    for _ in 0..5 {
        let (host, max, mean) = block(&ex4_sub);
        assert_eq!((host.as_str(), mean), ("denis", format!("{max}.00")));
        while !published.contains(&max.to_string()) {
            published.push(value_of("denis", observer.next()));
        }
    }
}

#[test]
fn ex4_sub_displays_maximum_and_mean() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let ex4_sub = subscribed(&broker, "0.5");
    let values = [("zoe", "93"), ("denis", "93"), ("WuJitsu", "56"), ("Equipe 3", "0"), ("leo", "60")];
    check(&ex4_sub, &observer, &values, ("denis", 93, "60.40"));
    assert_eq!(warnings(ex4_sub), says_broker(&broker));
}

#[test]
fn ex4_sub_forgets_a_silent_pi() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let ex4_sub = subscribed(&broker, "0.3");
    check(&ex4_sub, &observer, &[("denis", "90"), ("leo", "10")], ("denis", 90, "50.00"));
    check(&ex4_sub, &observer, &[("leo", "10")], ("leo", 10, "10.00"));
}

#[test]
fn ex4_sub_ignores_what_is_not_a_percentage() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let ex4_sub = subscribed(&broker, "0.5");
    for _ in 0..3 {
        for (host, value) in [("denis", "allo"), ("denis", "101"), ("leo", "-1"), ("zoe", "12.5"), ("zoe", "")] {
            observer.publish(&format!("/ex4/{host}"), value);
        }
    }
    check(&ex4_sub, &observer, &[("leo", "7"), ("leo", "1e2")], ("leo", 7, "7.00"));
    let warnings = warnings(ex4_sub);
    for (host, count) in [("denis", 6), ("leo", 3), ("zoe", 6)] {
        let warning = format!("{host} : valeur ignorée, il faut un entier de 0 à 100.\n");
        assert!(warnings.matches(&warning).count() >= count, "{host}: {warnings}");
    }
}

#[test]
fn ex4_sub_gives_a_hint_while_nothing_comes() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let ex4_sub = subscribed(&broker, "0.2");
    let hint = ex4_sub.expect_error_line(HINT);
    assert_eq!(hint, "(aucune valeur récente : `cargo run --example ex4_pub` en publie)");
    // The first line on stdout is that of a block: before, nothing was printed there.
    check(&ex4_sub, &observer, &[("leo", "7")], ("leo", 7, "7.00"));
    ex4_sub.expect_error_line(HINT);
}

#[test]
fn the_demo_ends_by_itself() {
    let demo = Example::spawn("demo", &[]);
    let port = demo_port(&demo);
    let (code, stdout, stderr) = code_and_texts(demo.wait_within(6 * DEADLINE));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));

    let lines: Vec<String> = stdout.lines().map(str::to_owned).collect();
    let (blocks, rest) = lines.as_chunks::<3>();
    assert_eq!((blocks.len(), rest.len()), (5, 0), "{stdout}");
    for lines in blocks {
        let (host, max, mean) = parse(lines).unwrap_or_else(|| panic!("not a block: {lines:?}"));
        assert!(["denis", "WuJitsu", "Equipe 3"].contains(&host.as_str()), "{host}");
        let mean: f64 = mean.parse().expect("a number");
        assert!(max <= 100 && (f64::from(max) / 3.0..=f64::from(max)).contains(&mean), "{lines:?}");
    }
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "its broker is still there");
    assert!(lines.iter().any(|line| !lines[..3].contains(line)), "nothing varies: {stdout}");
}

#[test]
fn a_killed_demo_leaves_no_broker() {
    let mut demo = Example::spawn("demo", &[]);
    let port = demo_port(&demo);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    demo.kill();
    wait_until("the broker to end", DEADLINE, || TcpStream::connect(("127.0.0.1", port)).is_err());
}

/// The port of the demo's own broker, from the line that it prints first.
#[track_caller]
fn demo_port(demo: &Example) -> u16 {
    let line = demo.expect_error_line("mosquitto sur ");
    let port = line.strip_prefix("(mosquitto sur 127.0.0.1:").and_then(|rest| rest.split_once(' '));
    let (port, rest) = port.unwrap_or_else(|| panic!("{line}"));
    assert_eq!(rest, "; 3 Pi simulés : denis, WuJitsu, Equipe 3)");
    port.parse().expect("a port")
}
