//! Workers that share the load, one of them killed at work.

use crate::support::client::quick;
use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, holds_within};

use super::expect_subscriptions;

/// Enough that a worker that is killed at the first has more of them.
const TASKS: usize = 30;

#[test]
fn what_a_killed_worker_had_not_done_is_done() {
    let broker = Mosquitto::start();
    let worker = |name: &str| Example::spawn("ouvrier", &[name, broker.host(), &broker.port().to_string()]);
    let (mut anne, paul) = (worker("anne"), worker("paul"));
    expect_subscriptions(&broker, 2);
    let client = quick();
    client.connect(broker.host(), broker.port()).expect("accepted");
    for task in 0..TASKS {
        client.publish("taches", task.to_string(), 1).expect("connected");
    }
    client.disconnect().expect("all is confirmed");
    let first = anne.expect_line("Fait: ");
    anne.kill();
    let of_the_first = format!("{first}\n{}", anne.wait().1);
    let anne = worker("anne");
    let is_done = |output: &str, task: usize| output.lines().any(|line| line.ends_with(&format!("Fait: {task}")));
    let all_done = || {
        let outputs = [of_the_first.clone(), anne.output(), paul.output()];
        (0..TASKS).all(|task| outputs.iter().any(|output| is_done(output, task)))
    };
    assert!(holds_within(DEADLINE, all_done), "{of_the_first}\n{}\n{}", anne.output(), paul.output());
    for (name, output) in [("anne", anne.output()), ("paul", paul.output())] {
        assert!((0..TASKS).any(|task| is_done(&output, task)), "{name} had its share");
    }
}
