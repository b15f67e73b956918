//! What paho-python 2.2.0 answers, line by line, and what the crate answers.
//!
//! The tables are what Python itself said; `tests/python_tables.py` makes them anew from PyPI's package. What is different
//! on purpose stands here as such, with the reason, and fails when it is no longer different.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rappel as pmc;
use rappel::{Error, IntoPayload, PacketType, ReasonCode};

use crate::support::client;
use crate::support::scripted::ScriptedBroker;
use crate::support::wait::Probe;

mod arguments;
mod numbers;

/// The lines of a table, each with its cells.
pub fn table(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/python_tables").join(name).with_extension("tsv");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(text.starts_with("# paho-mqtt==2.2.0: "), "{name} does not say where it comes from");
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// The texts between quotation marks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('"').skip(1).step_by(2).collect()
}

#[test]
fn every_public_name_has_its_row() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/parity.md");
    let document = fs::read_to_string(path).expect("docs/parity.md");
    let named: BTreeSet<&str> = document.split('`').skip(1).step_by(2).collect();
    let with_arguments =
        |name: &str| named.iter().any(|it| it.strip_prefix(name).is_some_and(|it| it.starts_with('(')));
    let mut missing = Vec::new();
    for line in table("names") {
        let [module, name] = &line[..] else { panic!("{line:?}") };
        let method = name.strip_prefix("Client.").unwrap_or(name);
        let function = format!("{module}.{name}");
        let known =
            [name.as_str(), method, function.as_str()].iter().any(|it| named.contains(it) || with_arguments(it));
        if !known {
            missing.push(format!("paho.mqtt.{module}: {name}"));
        }
    }
    assert!(missing.is_empty(), "docs/parity.md does not say what became of these:\n{}", missing.join("\n"));
}

#[test]
fn every_row_says_what_became_of_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/parity.md");
    let document = fs::read_to_string(path).expect("docs/parity.md");
    let (names, _) = document.split_once("## Refused here").expect("the part with the names");
    for line in names.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let known = ["done", "different", "not possible", "not there"].contains(&cells[1]);
        assert!(known && cells.len() == 3, "status and explanation: {line}");
    }
}

#[test]
fn topics_match_as_in_python() {
    let table = table("topics");
    let topics = quoted(&table[0][1]);
    assert!(table.len() > 250 && topics.len() > 80, "a table of some size");
    for line in &table[1..] {
        let filter = quoted(&line[0])[0];
        let matching: Vec<&str> =
            topics.iter().copied().filter(|topic| pmc::topic_matches_sub(filter, topic)).collect();
        assert_eq!(matching, quoted(&line[1]), "{filter:?}");
    }
}

#[test]
fn matching_callbacks_run_in_pythons_order() {
    let table = table("routes");
    let (filters, lines) = (table[0][1].clone(), table[1..].to_vec());
    let topics: Vec<String> = lines.iter().map(|line| quoted(&line[0])[0].to_owned()).collect();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        topics.iter().for_each(|topic| peer.publish(topic, "", 0, 0));
        peer.publish("end", "", 0, 0);
        peer.expect_disconnect();
    });
    let client = client::quick();
    let (tell, heard) = Probe::pair();
    for filter in quoted(&filters) {
        let (tell, filter) = (tell.clone(), filter.to_owned());
        let told = filter.clone();
        client.message_callback_add(filter, move |_, _, _| drop(tell.send(told.clone()))).expect("a filter");
    }
    client.connect(client::HOST, broker.port()).expect("accepted");
    client.loop_start().expect("no loop yet");
    for line in &lines {
        let expected = quoted(&line[1]);
        assert_eq!(heard.take(expected.len(), &line[0]), expected, "the callbacks for {}", line[0]);
    }
    // What matches everything ran for the last message, and nothing ran twice before.
    assert_eq!(heard.take(3, "the last message"), ["+", "+/#", "#"]);
    heard.is_drained("after the last message");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn payloads_become_pythons_text() {
    for line in table("payloads") {
        let [kind, value, expected] = &line[..] else { panic!("{line:?}") };
        let payload = match kind.as_str() {
            "float" => f64::from_bits(u64::from_str_radix(value, 16).expect("eight bytes")).into_payload(),
            "int" => value.parse::<i128>().expect("a number").into_payload(),
            "bool" => value.parse::<bool>().expect("true or false").into_payload(),
            "str" => value.into_payload(),
            "None" => ().into_payload(),
            _ => panic!("{line:?}"),
        };
        assert_eq!(String::from_utf8_lossy(&payload), *expected, "{kind} {value}");
    }
}

#[test]
fn options_of_a_filter_are_pythons_byte() {
    let table = table("subscribe_options");
    let lines: Vec<Vec<u8>> =
        table.iter().map(|line| line.iter().map(|cell| cell.parse().expect("a number")).collect()).collect();
    let (tell, heard) = Probe::pair();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let subscribe = peer.expect_subscribe();
        peer.suback_v5(subscribe.id, &vec![0; subscribe.filters.len()], &[]);
        let _ = tell.send(subscribe);
        peer.expect_disconnect();
    });
    let client = client::quick_v5();
    client.connect(client::HOST, broker.port()).expect("accepted");
    let filters = lines.iter().enumerate().map(|(number, line)| {
        let handling = match line[3] {
            0 => pmc::SubscribeOptions::RETAIN_SEND_ON_SUBSCRIBE,
            1 => pmc::SubscribeOptions::RETAIN_SEND_IF_NEW_SUB,
            _ => pmc::SubscribeOptions::RETAIN_DO_NOT_SEND,
        };
        let options = pmc::SubscribeOptions::new().qos(line[0]).no_local(line[1] == 1);
        (format!("t/{number}"), options.retain_as_published(line[2] == 1).retain_handling(handling))
    });
    client.subscribe_many(filters).expect("connected");
    let sent: Vec<u8> = heard.next("SUBSCRIBE").filters.into_iter().map(|(_, options)| options).collect();
    let expected: Vec<u8> = lines.iter().map(|line| line[4]).collect();
    assert_eq!(sent, expected);
    client.disconnect().expect("connected");
    broker.finish();
}

/// Where a property may be sent although Python would, or the reverse: name, packet, why.
const PROPERTIES_DIFFER: &[(&str, &str, &str)] = &[
    ("AuthenticationMethod", "Connect", "the exchange it begins is not supported, in Python neither"),
    ("AuthenticationData", "Connect", "the exchange it begins is not supported, in Python neither"),
    ("ServerReference", "Disconnect", "only a broker may send it (MQTT 5, section 3.14.2.2.5)"),
    ("SubscriptionIdentifier", "Publish", "a client must not send it (MQTT 5, section 3.3.2.3.8)"),
];

#[test]
fn properties_go_where_python_lets_them() {
    const PACKETS: [&str; 6] = ["Connect", "Will", "Publish", "Subscribe", "Unsubscribe", "Disconnect"];
    let mut differences = 0;
    for line in table("properties") {
        let [name, _, _, packets] = &line[..] else { panic!("{line:?}") };
        for packet in PACKETS {
            let in_python = packets.split(' ').any(|it| it == packet);
            let result = send(packet, property(name));
            let here = !matches!(result, Err(Error::InvalidProperty { .. }));
            let differs = PROPERTIES_DIFFER.iter().any(|(other, home, _)| other == name && *home == packet);
            assert_eq!(here, in_python != differs, "{name} in {packet}: {result:?}");
            differences += usize::from(differs);
        }
    }
    assert_eq!(differences, PROPERTIES_DIFFER.len());
}

/// A property by Python's name, with a value that it may have.
fn property(name: &str) -> pmc::Properties {
    let new = pmc::Properties::new();
    match name {
        "PayloadFormatIndicator" => new.with_payload_format_indicator(1),
        "MessageExpiryInterval" => new.with_message_expiry_interval(1),
        "ContentType" => new.with_content_type("text/plain"),
        "ResponseTopic" => new.with_response_topic("answers"),
        "CorrelationData" => new.with_correlation_data("1"),
        "SubscriptionIdentifier" => new.with_subscription_identifier(1),
        "SessionExpiryInterval" => new.with_session_expiry_interval(1),
        "AssignedClientIdentifier" => new.with_assigned_client_identifier("a"),
        "ServerKeepAlive" => new.with_server_keep_alive(1),
        "AuthenticationMethod" => new.with_authentication_method("a"),
        "AuthenticationData" => new.with_authentication_data("a"),
        "RequestProblemInformation" => new.with_request_problem_information(true),
        "WillDelayInterval" => new.with_will_delay_interval(1),
        "RequestResponseInformation" => new.with_request_response_information(true),
        "ResponseInformation" => new.with_response_information("a"),
        "ServerReference" => new.with_server_reference("a"),
        "ReasonString" => new.with_reason_string("a"),
        "ReceiveMaximum" => new.with_receive_maximum(1),
        "TopicAliasMaximum" => new.with_topic_alias_maximum(1),
        "TopicAlias" => new.with_topic_alias(1),
        "MaximumQoS" => new.with_maximum_qos(1),
        "RetainAvailable" => new.with_retain_available(true),
        "UserProperty" => new.with_user_property("a", "b"),
        "MaximumPacketSize" => new.with_maximum_packet_size(100),
        "WildcardSubscriptionAvailable" => new.with_wildcard_subscription_available(true),
        "SubscriptionIdentifierAvailable" => new.with_subscription_identifier_available(true),
        "SharedSubscriptionAvailable" => new.with_shared_subscription_available(true),
        _ => panic!("there is no property {name}"),
    }
}

/// Gives properties to the call that sends this packet, on a client without a connection.
fn send(packet: &str, properties: pmc::Properties) -> pmc::Result<()> {
    let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2).protocol(pmc::Protocol::V5).build()?;
    match packet {
        "Connect" => client.connect_async_with("localhost", 1, pmc::ConnectOptions::new().properties(properties)),
        "Will" => client.will_set("t", "", pmc::PublishOptions::new().properties(properties)),
        "Publish" => client.publish("t", "", pmc::PublishOptions::new().qos(1).properties(properties)).map(drop),
        "Subscribe" => client.subscribe("t", pmc::SubscribeOptions::new().properties(properties)).map(drop),
        "Unsubscribe" => client.unsubscribe_with(["t"], properties).map(drop),
        _ => client.disconnect_with(pmc::DisconnectOptions::new().properties(properties)),
    }
}

#[test]
fn reason_codes_have_pythons_names() {
    let mut names: BTreeMap<(u8, u8), (String, bool)> = BTreeMap::new();
    for line in table("reason_codes") {
        let [packet, value, name, outcome] = &line[..] else { panic!("{line:?}") };
        let packet = PACKET_TYPES.iter().find(|(_, known)| known == packet).expect("a kind of packet").0;
        let value: u8 = value.parse().expect("a number");
        names.insert((packet as u8, value), (name.clone(), outcome == "failure"));
        assert_eq!(ReasonCode::from_name(packet, name), Some(ReasonCode::new(packet, value)), "{packet:?} {name}");
    }
    for (packet, _) in PACKET_TYPES {
        for value in 0..=255 {
            let code = ReasonCode::new(packet, value);
            match names.get(&(packet as u8, value)) {
                Some((name, is_failure)) => {
                    assert_eq!((code.to_string(), code.is_failure()), (name.clone(), *is_failure), "{code:?}");
                    assert!(code == name.as_str() && code.name() == name, "{code:?}");
                }
                // Python raises where a broker sends a number in the wrong packet; here a failure keeps its name.
                None => assert!(value == 0 || value >= 128 || code.name() == "Unknown reason code", "{code:?}"),
            }
        }
    }
}

/// The kinds of packet, with Python's names.
const PACKET_TYPES: [(PacketType, &str); 15] = [
    (PacketType::Connect, "Connect"),
    (PacketType::Connack, "Connack"),
    (PacketType::Publish, "Publish"),
    (PacketType::Puback, "Puback"),
    (PacketType::Pubrec, "Pubrec"),
    (PacketType::Pubrel, "Pubrel"),
    (PacketType::Pubcomp, "Pubcomp"),
    (PacketType::Subscribe, "Subscribe"),
    (PacketType::Suback, "Suback"),
    (PacketType::Unsubscribe, "Unsubscribe"),
    (PacketType::Unsuback, "Unsuback"),
    (PacketType::Pingreq, "Pingreq"),
    (PacketType::Pingresp, "Pingresp"),
    (PacketType::Disconnect, "Disconnect"),
    (PacketType::Auth, "Auth"),
];
