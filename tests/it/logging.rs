//! `on_log` and `enable_logger`: packets in paho-python's words, and what goes wrong.

use std::collections::HashMap;

use log::{Level, LevelFilter};
use rappel as pmc;
use rappel::{LogLevel, Properties};

use crate::python_tables::table;
use crate::support::client::{HOST, back_at_once, builder, quick};
use crate::support::logged::{expect_logged, is_logged, keep_log};
use crate::support::scripted::packet::Packet;
use crate::support::scripted::{Peer, ScriptedBroker, script};
use crate::support::wait::Probe;

/// A broker for one client that answers as the table says, like the one in `tests/python_tables.py`.
fn answer(peer: &mut Peer, answers: &HashMap<String, String>) {
    while let Some(packet) = peer.packet_or_end() {
        let (name, id) = match packet {
            Packet::Connect(_) => ("CONNECT".to_owned(), 0),
            Packet::Publish(publish) => (format!("PUBLISH{}", publish.qos), publish.id),
            Packet::PubAck(ack) => ("PUBACK".to_owned(), ack.id),
            Packet::PubRec(ack) => ("PUBREC".to_owned(), ack.id),
            Packet::PubRel(ack) => ("PUBREL".to_owned(), ack.id),
            Packet::PubComp(ack) => ("PUBCOMP".to_owned(), ack.id),
            Packet::Subscribe(request) => ("SUBSCRIBE".to_owned(), request.id),
            Packet::Unsubscribe(request) => ("UNSUBSCRIBE".to_owned(), request.id),
            Packet::PingReq => ("PINGREQ".to_owned(), 0),
            Packet::Disconnect(_) | Packet::Auth(_) => return,
        };
        for key in [name.clone(), name + "+"] {
            if let Some(hex) = answers.get(&key) {
                let hex = hex.replace("MMMM", &format!("{id:04x}"));
                let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
                peer.send_raw(&(0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>());
            }
        }
    }
}

/// The lines of `on_log` so far, and those to come.
struct Lines {
    heard: Probe<(LogLevel, String)>,
    packets: Vec<String>,
}

impl Lines {
    fn of(client: &pmc::Client) -> Self {
        let (tell, heard) = Probe::pair();
        client.on_log(move |_, _, level, text| Ok(tell.send((level, text.to_owned()))?));
        Lines { heard, packets: Vec::new() }
    }

    fn take(&mut self, (level, text): (LogLevel, String)) {
        if level == LogLevel::Debug {
            self.packets.push(text);
        }
    }

    #[track_caller]
    fn until(&mut self, part: &str) {
        while !self.packets.iter().any(|text| text.contains(part)) {
            let line = self.heard.next(part);
            self.take(line);
        }
    }

    /// Those of one direction: what is sent in between depends on how much comes at a time. A ping may go out twice.
    fn of_direction(mut self, direction: &str) -> Vec<String> {
        self.heard.rest().into_iter().for_each(|line| self.take(line));
        one_direction(self.packets, direction)
    }
}

fn one_direction(lines: impl IntoIterator<Item = String>, direction: &str) -> Vec<String> {
    let mut lines: Vec<String> = lines.into_iter().filter(|line| line.starts_with(direction)).collect();
    lines.dedup();
    lines
}

/// The calls of a scene, as in `tests/python_tables.py`.
fn play(scene: &str, port: u16) -> Lines {
    let is_v5 = scene.starts_with('5');
    let protocol = if is_v5 { pmc::Protocol::V5 } else { pmc::Protocol::V311 };
    let client = builder().client_id("client-1").protocol(protocol).reconnect_on_failure(false).build();
    let client = back_at_once(client.expect("a client"));
    let mut lines = Lines::of(&client);
    let user = |name: &str, value: &str| Properties::new().with_user_property(name, value);
    let if_v5 = |properties: Properties| if is_v5 { properties } else { Properties::new() };
    let options = pmc::ConnectOptions::new();
    match scene {
        "3.1.1" | "5" => {
            client.username_pw_set("info", "Password1234");
            client.will_set("w", "gone", pmc::PublishOptions::new().qos(1).retain(true)).expect("a will");
            let properties = if_v5(user("a", "b").with_session_expiry_interval(60));
            client.connect_with(HOST, port, options.keepalive(30).properties(properties)).expect("accepted");
            client.loop_start().expect("a loop");
            let first = pmc::SubscribeOptions::new().qos(1);
            let second = pmc::SubscribeOptions::new();
            let filters = match is_v5 {
                true => [
                    (
                        "a/#",
                        first
                            .no_local(true)
                            .retain_handling(pmc::RetainHandling::DoNotSend)
                            .properties(Properties::new().with_subscription_identifier(5)),
                    ),
                    ("é", second.retain_as_published(true)),
                ],
                false => [("a/#", first), ("é", second)],
            };
            client.subscribe_many(filters).expect("connected");
            lines.until("Sending PUBCOMP");
            client.publish("t", (), 0).expect("connected");
            lines.until("Sending PUBLISH (d0, q0");
            let properties = if_v5(
                user("k", "it's")
                    .with_user_property("k", "2")
                    .with_message_expiry_interval(30)
                    .with_response_topic("r")
                    .with_correlation_data(*b"a\0\xff")
                    .with_content_type("text")
                    .with_payload_format_indicator(1),
            );
            let retained = pmc::PublishOptions::new().qos(1).retain(true).properties(properties);
            client.publish("t/é", "21.5", retained).expect("connected");
            lines.until("Received PUBACK");
            client.publish("t", "xyz", 2).expect("connected");
            lines.until("Received PUBCOMP");
            client.unsubscribe_with(["a/#", "é"], if_v5(user("a", "b"))).expect("connected");
            lines.until("Received UNSUBACK");
            client.disconnect().expect("connected");
            lines.until("Sending DISCONNECT");
        }
        "5 and the broker leaves" => {
            client.connect_with(HOST, port, options.keepalive(60)).expect("accepted");
            client.loop_start().expect("a loop");
            client.subscribe("t", 0).expect("connected");
            lines.until("Received DISCONNECT");
        }
        "5 and leaves with a reason" => {
            client.connect_with(HOST, port, options.keepalive(60)).expect("accepted");
            let bye = Properties::new().with_reason_string("bye");
            let leaving = pmc::DisconnectOptions::new().reason_code(4).properties(bye);
            client.disconnect_with(leaving).expect("connected");
        }
        "3.1.1 and pings" => {
            client.connect_with(HOST, port, options.keepalive(1)).expect("accepted");
            client.loop_start().expect("a loop");
            lines.until("Received PINGRESP");
            client.disconnect().expect("connected");
            lines.until("Sending DISCONNECT");
        }
        _ => {
            client.connect_with(HOST, port, options.keepalive(60)).expect_err("refused");
            client.loop_start().expect("a loop");
            lines.until("Received CONNACK");
        }
    }
    lines
}

#[test]
fn packets_are_told_in_pythons_words() {
    let table = table("log");
    let mut scenes: Vec<&str> = table.iter().map(|line| &line[0][..]).collect();
    scenes.dedup();
    assert!(scenes.len() >= 7, "{scenes:?}");
    for scene in scenes {
        let rows: Vec<_> = table.iter().filter(|line| line[0] == scene).collect();
        let answers: HashMap<String, String> =
            rows.iter().filter_map(|row| Some((row[1].strip_prefix("to ")?.to_owned(), row[2].clone()))).collect();
        let python = || rows.iter().filter(|row| row[1] == "line").map(|row| row[2].clone());
        for direction in ["Sending", "Received"] {
            let answers = answers.clone();
            let broker = ScriptedBroker::run(move |peer| answer(peer, &answers));
            let lines = play(scene, broker.port()).of_direction(direction);
            assert_eq!(lines, one_direction(python(), direction), "{scene}");
            assert!(lines.iter().all(|line| !line.contains("Password1234") && !line.contains("21.5")), "{lines:?}");
            broker.finish();
        }
    }
}

#[test]
fn lines_stand_between_the_callbacks_and_faults_are_among_them() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            peer.publish("t", "x", 1, 9);
            assert_eq!(peer.expect_puback().id, 9);
            peer.close();
        }),
        script(|peer| {
            peer.accept();
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    let (tell, heard) = Probe::pair();
    let of_log = tell.clone();
    client.on_log(move |_, _, level, text| -> Result<(), Box<dyn std::error::Error>> {
        of_log.send(format!("{level} {text}"))?;
        panic!("of the test");
    });
    client.on_message(move |_, _, _| {
        tell.send("on_message".to_owned())?;
        Err("a fault of the test".into())
    });
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    for part in [
        "DEBUG Sending CONNECT (u0, p0, wr0, wq0, wf0, c1, k60) client_id=b''",
        "DEBUG Received CONNACK (0, 0)",
        "DEBUG Received PUBLISH (d0, q1, r0, m9), 't', ...  (1 bytes)",
        "on_message",
        "ERROR on_message (topic \"t\") failed: a fault of the test; the loop goes on",
        "DEBUG Sending PUBACK (Mid: 9)",
        "WARNING the connection was lost",
        "DEBUG Sending CONNECT",
        "DEBUG Received CONNACK",
    ] {
        let line = heard.next(part);
        assert!(line.starts_with(part), "{part:?} was due: {line:?}");
    }
    client.on_log_clear();
    client.disconnect().expect("connected");
    heard.is_drained("nobody listens any more");
    broker.finish();
}

#[test]
fn the_logger_hears_packets_when_it_is_enabled() {
    keep_log();
    log::set_max_level(LevelFilter::Debug);
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        peer.answer_pings();
        for _ in 0..3 {
            let message = peer.expect_publish();
            peer.puback(message.id);
        }
        peer.expect_disconnect();
    });
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    let publish = |topic: &str| {
        client.publish(topic, "secret-of-the-logger", 1).expect("connected").wait_for_publish(60).expect("confirmed");
    };
    publish("logging/before");
    client.enable_logger();
    publish("logging/enabled");
    expect_logged(Level::Debug, &["Sending PUBLISH (d0, q1, r0, m2), 'b'logging/enabled'', ... (20 bytes)"]);
    client.disable_logger();
    publish("logging/after");
    client.disconnect().expect("connected");
    for part in ["logging/before", "logging/after", "secret-of-the-logger"] {
        assert!(!is_logged(Level::Debug, &[part]), "{part}");
    }
    broker.finish();
}
