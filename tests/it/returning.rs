//! What callbacks may return, and what happens when they return an error or leave something behind that panics.

use std::error::Error;
use std::sync::mpsc::channel;

use rappel as pmc;

use crate::support::client::{HOST, quick};
use crate::support::logged::{expect_logged, keep_log};
use crate::support::mosquitto::Mosquitto;
use crate::support::wait::{DEADLINE, Probe, returns, wait_until};

/// Every way to write a callback that a user is likely to try; that it compiles is the test.
#[test]
fn closures_and_functions_need_no_types() {
    fn nothing(_: &pmc::Client, _: &(), msg: &pmc::Message) {
        println!("{}", msg.topic);
    }
    fn result(client: &pmc::Client, _: &(), msg: &pmc::Message) -> Result<(), Box<dyn Error>> {
        let number: i32 = msg.payload_str().parse()?;
        client.publish("double", 2 * number, 0)?;
        Ok(())
    }
    fn ours(client: &pmc::Client) -> pmc::Result<()> {
        client.disconnect()
    }
    let (client, (sender, _receiver)) = (quick(), channel());
    client.on_message(nothing);
    client.on_message(result);
    client.on_message(|_, _, msg| println!("{}", msg.payload_str()));
    client.on_message(move |_, _, msg| drop(sender.send(msg.topic.clone())));
    let mut topics = Vec::new();
    client.on_message(move |_, _, msg| topics.push(msg.topic.clone()));
    client.on_message(|_, _, _| {});
    client.on_message(|client, _, msg| {
        if msg.payload.is_empty() {
            return Ok(());
        }
        client.publish("echo", msg.payload.clone(), 0)?;
        let _: f64 = msg.payload_str().parse()?;
        Err("too warm")?;
        Ok(())
    });
    client.on_message(|_, _, msg| match msg.payload_str().parse::<f64>() {
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    });
    client.on_message(|client, _, _| Ok(ours(client)?));
    client.on_message(|_, _, _| panic!("it never returns"));
    client.on_message(|_, _, _| std::process::exit(1));
    type Boxed = Box<dyn FnMut(&pmc::Client, &(), &pmc::Message) + Send>;
    client.on_message(Box::new(nothing) as Boxed);
    client.on_connect(|client, _, _, code, _| {
        if code == 0 {
            client.subscribe("t", 0)?;
        }
        Ok(())
    });
    client.message_callback_add("t/#", |client, _, _| Ok(ours(client)?)).expect("a filter");
}

#[test]
fn an_error_is_logged_with_callback_and_topic() {
    keep_log();
    let broker = Mosquitto::start();
    let client = quick();
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, msg| {
        let number: i32 = msg.payload_str().parse()?;
        tell.send(number)?;
        Ok(())
    });
    client.message_callback_add("returning/route", |_, _, _| Err("route of the test".into())).expect("a filter");
    client.on_publish(|_, _, _, _, _| Err("on_publish of the test".into()));
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("returning/#", 1).expect("connected");
    client.loop_start().expect("no loop yet");
    for payload in ["1", "two", "3"] {
        client.publish("returning/number", payload, 1).expect("connected");
    }
    client.publish("returning/route", "", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    assert_eq!(heard.take(2, "the numbers"), [1, 3], "the loop goes on");
    expect_logged(log::Level::Error, &["on_message", "returning/number", "invalid digit", "goes on"]);
    expect_logged(log::Level::Error, &["returning/route", "route of the test"]);
    expect_logged(log::Level::Error, &["on_publish (mid ", "on_publish of the test"]);
    client.disconnect().expect("connected");
}

/// Panics when it is dropped.
struct Grenade(&'static str);

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("{} of the test", self.0);
    }
}

#[test]
fn what_a_closure_has_captured_may_panic_when_it_is_dropped() {
    keep_log();
    let broker = Mosquitto::start();
    let client = quick();
    let grenade = Grenade("replaced inside");
    client.on_message(move |client, _, _| {
        let _ = &grenade;
        let last = Grenade("dropped with the client");
        client.on_message(move |_, _, _| {
            let _ = &last;
        });
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("t", 1).expect("connected");
    client.loop_start().expect("no loop yet");
    client.publish("t", "", 1).expect("connected");
    expect_logged(log::Level::Error, &["on_message", "replaced inside of the test", "goes on"]);
    client.publish("t", "", 1).expect("connected").wait_for_publish(DEADLINE).expect("the loop lives");
    let grenade = Grenade("replaced outside");
    client
        .message_callback_add("t", move |_, _, _| {
            let _ = &grenade;
        })
        .expect("a filter");
    client.message_callback_remove("t");
    expect_logged(log::Level::Error, &["the callback for \"t\"", "replaced outside of the test"]);
    client.loop_stop().expect("it was started");
    client.loop_start().expect("it had ended");
    returns("the end of the client", move || drop(client));
    wait_until("the last drop", DEADLINE, || {
        crate::support::logged::is_logged(log::Level::Error, &["dropped with the client of the test"])
    });
}

#[test]
fn a_panic_may_carry_a_value_that_panics() {
    let broker = Mosquitto::start();
    let client = quick();
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, msg| {
        let _ = tell.send(msg.payload.clone());
        if msg.payload == b"bad" {
            std::panic::panic_any(Grenade("thrown"));
        }
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.subscribe("t", 1).expect("connected");
    client.loop_start().expect("no loop yet");
    for payload in ["bad", "good"] {
        client.publish("t", payload, 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    }
    assert_eq!(heard.take(2, "both"), [&b"bad"[..], b"good"]);
    client.disconnect().expect("connected");
}
