//! The course's programs, run as a student runs them, each against a Mosquitto of its own.

mod button;
mod chart;
mod chat;
mod command_line;
mod course;
mod documented;
#[cfg(feature = "tls")]
mod journal;
mod light;
mod own_broker;
mod pages;
mod take_home;
mod workers;

use std::process::ExitStatus;

use rappel as pmc;

use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, Probe, wait_until};

/// The login of exercise 5.
const INFO: (&str, &str) = ("info", "Password1234");

/// The value of `--broker` for this broker.
fn at(broker: &Mosquitto) -> String {
    format!("{}:{}", broker.host(), broker.port())
}

/// The line every program prints on stderr before it connects to this broker.
fn says_broker(broker: &Mosquitto) -> String {
    format!("(broker : {})\n", at(broker))
}

/// Runs the example to its end, without input: exit code, stdout, stderr.
#[track_caller]
fn run(name: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut example = Example::spawn(name, args);
    example.close_stdin();
    code_and_texts(example.wait())
}

fn code_and_texts((status, stdout, stderr): (ExitStatus, String, String)) -> (Option<i32>, String, String) {
    (status.code(), stdout, stderr)
}

/// Waits until the broker has confirmed `count` subscriptions: what is published from now on arrives.
#[track_caller]
fn expect_subscriptions(broker: &Mosquitto, count: usize) {
    wait_until("the subscriptions", DEADLINE, || broker.log().matches("Sending SUBACK").count() >= count);
}

/// A subscriber that hears everything on a broker, with the QoS at which it was published.
struct Observer {
    client: pmc::Client,
    heard: Probe<Heard>,
}

/// Topic, payload and QoS of a message.
type Heard = (String, String, u8);

/// A message as [`Observer::next`] gives it.
fn heard(topic: &str, payload: &str, qos: u8) -> Heard {
    (topic.to_owned(), payload.to_owned(), qos)
}

impl Observer {
    /// Subscribed when this returns.
    #[track_caller]
    fn on(broker: &Mosquitto) -> Self {
        Self::with_port(broker.port())
    }

    /// As [`Observer::on`], for a broker that a program has started.
    #[track_caller]
    fn with_port(port: u16) -> Self {
        Self::of(pmc::Client::new(pmc::CallbackApiVersion::Version2), port, None)
    }

    /// As [`Observer::on`], on a broker that asks for a password.
    #[track_caller]
    fn with_login(port: u16, login: (&str, &str)) -> Self {
        Self::of(pmc::Client::new(pmc::CallbackApiVersion::Version2), port, Some(login))
    }

    /// As [`Observer::on`]; the broker keeps what comes while this subscriber is away.
    #[track_caller]
    fn with_session(broker: &Mosquitto) -> Self {
        let builder = pmc::Client::builder(pmc::CallbackApiVersion::Version2);
        let client = builder.client_id("observer").clean_session(false).build().expect("a client");
        Self::of(client, broker.port(), None)
    }

    #[track_caller]
    fn of(client: pmc::Client, port: u16, login: Option<(&str, &str)>) -> Self {
        let (tell, heard) = Probe::pair();
        client.on_message(move |_, _, message| {
            let _ = tell.send((message.topic.clone(), message.payload_str().into_owned(), message.qos.value()));
        });
        let (tell, subscribed) = Probe::pair();
        client.on_subscribe(move |_, _, _, codes, _| {
            let _ = tell.send(codes.iter().all(|code| !code.is_failure()));
        });
        if let Some((user, password)) = login {
            client.username_pw_set(user, password);
        }
        client.connect("127.0.0.1", port).expect("a connection");
        client.loop_start().expect("a loop");
        client.subscribe("#", 2).expect("a subscription");
        assert!(subscribed.next("the SUBACK"), "the subscription was refused");
        Self { client, heard }
    }

    /// The next message on the broker.
    #[track_caller]
    fn next(&self) -> Heard {
        self.heard.next("a message")
    }

    /// Publishes with QoS 1; on the broker when this returns.
    #[track_caller]
    fn publish(&self, topic: &str, payload: &str) {
        let message = self.client.publish(topic, payload, 1).expect("a message");
        message.wait_for_publish(DEADLINE).expect("its confirmation");
    }

    /// Asserts that everything the broker was sent so far has been taken by [`Observer::next`].
    #[track_caller]
    fn has_heard_all(&self) {
        // From one publisher to one subscriber messages keep their order, and what came before is before.
        self.publish("end", "");
        assert_eq!(self.next(), heard("end", "", 1));
    }
}

/// Asserts that a program says why a broker has refused its password, as the last thing on stderr.
#[track_caller]
fn check_refused(stderr: &str) {
    let last = stderr.lines().last().unwrap_or_default();
    let says = last.strip_prefix("Error: le broker ").is_some_and(|says| {
        says.contains(" a refusé la connexion : Not authorized (135) ; ") && says.contains("username_pw_set")
    });
    assert!(says, "{stderr}");
}
