//! Keep-alive: what is alive and only slow is left alone, what is dead is noticed.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rappel as pmc;

use crate::support::client::{HOST, quick};
use crate::support::guarded::{Guarded, Signal};
use crate::support::mosquitto::Mosquitto;
use crate::support::proxy::Proxy;
use crate::support::scripted::ScriptedBroker;
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, LONG, Probe, holds_within, wait_until};

/// Lets at least so much time pass.
fn pass(time: Duration) {
    holds_within(time, || false);
}

/// Bytes in which nothing can go missing, be added or trade places unnoticed.
fn payload(bytes: usize) -> Vec<u8> {
    (0..bytes as u32 / 4).flat_map(u32::to_be_bytes).collect()
}

fn keepalive(seconds: u64) -> pmc::ConnectOptions {
    pmc::ConnectOptions::new().keepalive(seconds)
}

/// A subscriber that tells the payloads; ready.
fn subscriber(port: u16, options: pmc::ConnectOptions) -> (pmc::Client, Probe<Vec<u8>>) {
    let client = quick();
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| {
        let _ = tell.send(message.payload.clone());
    });
    let (ready, subscribed) = Probe::pair();
    client.on_subscribe(move |_, _, _, _, _| {
        let _ = ready.send(());
    });
    client.connect_with(HOST, port, options).expect("a broker");
    client.subscribe("large", 1).expect("connected");
    client.loop_start().expect("a loop");
    subscribed.next_within("SUBACK", LONG);
    (client, heard)
}

/// Sends `bytes` over a line of at most 100 kB a second, with the keep-alive in seconds.
fn over_a_slow_line(bytes: usize, seconds: u64) {
    let broker = Mosquitto::start();
    let (_subscriber, heard) = subscriber(broker.port(), pmc::ConnectOptions::new());
    let line = Proxy::slow(broker.port());
    let client = quick();
    let told = tell_all(&client);
    client.connect_with(HOST, line.port(), keepalive(seconds)).expect("a broker");
    client.loop_start().expect("a loop");
    let info = client.publish("large", payload(bytes), 1).expect("connected");
    wait_until("the confirmation, or a second connection", LONG, || info.is_published() || line.accepted() > 1);
    assert_eq!(line.accepted(), 1, "cut as dead: {:?}", told.rest());
    assert!(heard.next("the message") == payload(bytes), "it was changed on its way");
    client.disconnect().expect("all is confirmed");
    heard.is_drained("once");
}

#[test]
fn a_large_message_over_a_slow_line_within_two_keep_alives() {
    // 8.5 s, where a keep-alive of 5 s is patient for 10.
    over_a_slow_line(850_000, 5);
}

#[test]
fn a_large_message_over_a_slow_line_beyond_two_keep_alives() {
    // 9 s, where a keep-alive of 4 s is patient for 8: as long as the peer takes bytes, it lives.
    over_a_slow_line(900_000, 4);
}

#[test]
fn a_large_message_to_us_over_a_slow_line() {
    // 7 s, where a keep-alive of 3 s is patient for 6.
    const BYTES: usize = 700_000;
    let broker = Mosquitto::start();
    let line = Proxy::slow(broker.port());
    let (client, heard) = subscriber(line.port(), keepalive(3));
    let publisher = quick();
    publisher.connect(HOST, broker.port()).expect("a broker");
    publisher.publish("large", payload(BYTES), 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    assert!(heard.next_within("the message", LONG) == payload(BYTES), "it was changed on its way");
    assert_eq!(line.accepted(), 1, "cut as dead");
    let _ = client.disconnect();
}

#[test]
fn a_line_that_stands_still_within_a_large_message_is_noticed() {
    let broker = Mosquitto::start();
    let line = Proxy::narrow(broker.port());
    let client = quick();
    let told = tell_all(&client);
    client.connect_with(HOST, line.port(), keepalive(1)).expect("a broker");
    client.loop_start().expect("a loop");
    while told.next("the connection") != Told::connected() {}
    line.swallow_to_broker(true);
    // More than any system holds.
    let info = client.publish("large", payload(32_000_000), 1).expect("connected");
    loop {
        if let Told::Disconnect { code, .. } = told.next("the loss") {
            assert_eq!(code, 141);
            break;
        }
    }
    line.cut();
    line.swallow_to_broker(false);
    info.wait_for_publish(LONG).expect("confirmed over the next connection");
    client.disconnect().expect("all is confirmed");
}

#[test]
fn an_answer_within_two_keep_alives_is_in_time() {
    // paho-python pings after one, and gives up after another one without any answer.
    const SECONDS: u64 = 8;
    let (tell, done) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        peer.expect_pingreq();
        // One and three quarters of the keep-alive after the last sign of life.
        pass(Duration::from_secs(SECONDS) * 3 / 4);
        peer.pingresp();
        let _ = tell.send(());
        peer.answer_pings();
        assert_eq!(peer.expect_publish().topic, "t");
        peer.expect_disconnect();
    });
    let client = quick();
    let told = tell_all(&client);
    client.connect_with(HOST, broker.port(), keepalive(SECONDS)).expect("accepted");
    client.loop_start().expect("a loop");
    done.next("the late answer");
    client.publish("t", "x", 0).expect("connected").wait_for_publish(DEADLINE).expect("written");
    client.disconnect().expect("connected");
    assert!(!told.rest().contains(&Told::disconnected(141)));
    broker.finish();
}

#[test]
fn what_keepalive_set_says_outlives_connect() {
    let (tell, heard) = Probe::pair();
    let scripts = (0..4).map(|_| {
        let tell = tell.clone();
        crate::support::scripted::script(move |peer| {
            let _ = tell.send(peer.accept().keepalive);
            peer.expect_disconnect();
        })
    });
    let broker = ScriptedBroker::sequence(scripts.collect());
    let client = quick();
    client.keepalive_set(7).expect("valid");
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    assert_eq!(heard.next("CONNECT"), 7);
    // An option of the connection counts more, and stays.
    client.connect_with(HOST, broker.port(), keepalive(9)).expect("accepted");
    client.disconnect().expect("connected");
    assert_eq!((heard.next("CONNECT"), client.keepalive()), (9, Duration::from_secs(9)));
    client.reconnect().expect("accepted");
    client.disconnect().expect("connected");
    assert_eq!(heard.next("CONNECT"), 9);
    client.keepalive_set(0).expect("valid");
    client.connect_with(HOST, broker.port(), pmc::ConnectOptions::new()).expect("accepted");
    client.disconnect().expect("connected");
    assert_eq!(heard.next("CONNECT"), 0);
    broker.finish();
}

#[test]
fn a_program_that_was_stopped_reads_before_it_gives_up() {
    let ((tell_pinged, pinged), (tell_over, over)) = (Probe::pair(), Probe::pair());
    let (go, stopped) = channel::<()>();
    let broker = ScriptedBroker::run(move |peer| {
        assert_eq!(peer.accept().keepalive, 1);
        peer.expect_pingreq();
        let _ = tell_pinged.send(());
        let _ = stopped.recv_timeout(DEADLINE);
        // The answer comes in time; the program is not there to read it.
        peer.pingresp();
        peer.answer_pings();
        pass(Duration::from_secs(4));
        let _ = tell_over.send(());
        peer.publish("end", "", 0, 0);
        peer.expect_disconnect();
    });
    let program = env::current_exe().expect("the path of this test");
    let arguments = ["keepalive::a_program_with_a_short_keep_alive", "--exact", "--ignored", "--nocapture"];
    let mut child = Guarded::spawn(&program, arguments, |command| {
        command.env("PORT", broker.port().to_string()).stdout(Stdio::piped()).stderr(Stdio::null());
    });
    let (tell, printed) = Probe::pair();
    let stdout = BufReader::new(child.take_stdout().expect("piped"));
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    pinged.next("the ping");
    child.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", child.pid());
    wait_until("the program to be stopped", DEADLINE, || {
        let text = fs::read_to_string(&stat).unwrap_or_default();
        text.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    });
    go.send(()).expect("the script waits");
    over.next("more than two keep-alives");
    child.signal(Signal::CONT);
    let end = loop {
        let line = printed.next("the end of the connection");
        if line.starts_with("ended ") {
            break line;
        }
    };
    assert_eq!(end, "ended 0");
    broker.finish();
}

#[test]
#[ignore = "the program that a_program_that_was_stopped_reads_before_it_gives_up stops"]
fn a_program_with_a_short_keep_alive() {
    let port = env::var("PORT").expect("PORT").parse().expect("a port");
    let client = quick();
    client.on_disconnect(|_, _, _, code, _| println!("\nended {}", code.value()));
    client.on_message(|client, _, _| {
        let _ = client.disconnect();
    });
    client.connect_with(HOST, port, keepalive(1)).expect("accepted");
    client.loop_forever().expect("an orderly end");
}
