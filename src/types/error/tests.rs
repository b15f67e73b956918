//! Every error has both texts, and they say the same.

use std::collections::BTreeSet;
use std::error::Error as _;

use super::*;
use crate::types::{Language, PacketType, Transport};

fn unreachable(kind: io::ErrorKind) -> Error {
    Error::Unreachable { host: "broker.lan".to_owned(), port: 1884, cause: Arc::new(kind.into()) }
}

fn refused(code: u8) -> Error {
    let code = ReasonCode::new(PacketType::Connack, code);
    Error::Refused { host: "broker.lan".to_owned(), port: 1883, code, properties: Properties::new() }
}

/// One error of each kind, with the values that its texts have to name.
fn one_of_each() -> Vec<(Error, Vec<&'static str>)> {
    let code = ReasonCode::new(PacketType::Disconnect, 152);
    let host = || "broker.lan".to_owned();
    let cause = || Arc::new(io::Error::other("of the system"));
    let problem = || "of the test".to_owned();
    vec![
        (Error::EmptyTopic, vec![]),
        (Error::WildcardInTopic { topic: "a/+".into() }, vec!["\"a/+\"", "subscribe"]),
        (Error::NulInText { what: "client id", text: "a\0b".into() }, vec!["\"a\\0b\"", "NUL"]),
        (Error::TextTooLong { what: "user name", len: 65_599 }, vec!["65599", "65535"]),
        (Error::InvalidFilter { filter: "a/#/b".into(), problem: "of the test" }, vec!["\"a/#/b\"", "of the test"]),
        (Error::NoFilter, vec![]),
        (Error::InvalidQos { qos: 7 }, vec!["QoS 7", "0, 1"]),
        (Error::PayloadTooLarge { len: 4_321, limit: 1_234 }, vec!["4321", "1234"]),
        (
            Error::InvalidPayload { topic: "t/1".into(), payload: "abc".into(), wanted: "f64", problem: problem() },
            vec!["\"t/1\"", "\"abc\"", "f64", "of the test"],
        ),
        (Error::Replaced, vec!["keep_latest()"]),
        (Error::MessageExpired { topic: "t/1".into() }, vec!["\"t/1\"", "message_expiry_interval"]),
        (Error::TakenBack, vec!["drop_out_messages()"]),
        (Error::QueueBytesFull { limit: 4_321 }, vec!["4321", "max_queued_bytes_set"]),
        (Error::QueueFull { limit: 4_321 }, vec!["4321", "max_queued_messages_set"]),
        (Error::NotAwaitingAck { mid: 77, qos: Qos::AtLeastOnce }, vec!["mid 77", "QoS", "1", "manual_ack_set(true)"]),
        (Error::InvalidProperty { property: "topic_alias", problem: problem() }, vec!["topic_alias", "of the test"]),
        (Error::PropertiesNeedV5, vec![".protocol(Protocol::V5)", "3.1.1"]),
        (Error::InvalidHost { host: "a b".into() }, vec!["\"a b\"", "mqttbroker.lan"]),
        (Error::InvalidPort, vec!["65535", "1883"]),
        (Error::InvalidKeepalive { seconds: -1.5 }, vec!["-1.5 s", "65535"]),
        (Error::InvalidSeconds { what: "loop_once", seconds: -1.5 }, vec!["loop_once", "-1.5 s", "Duration"]),
        (Error::ClientIdRequired, vec!["clean_session(false)", ".client_id("]),
        (
            Error::InvalidOption { option: "connect_timeout", problem: problem() },
            vec!["connect_timeout", "of the test"],
        ),
        (
            Error::TlsFile { option: "ca_certs", file: "some/ca.crt".into(), problem: problem() },
            vec!["ca_certs", "some/ca.crt", "of the test"],
        ),
        (Error::TlsNotCompiled, vec!["\"tls\"", "cargo add rappel --features tls"]),
        (
            Error::CertificateRefused { host: host(), port: 8884, problem: CertificateProblem::SelfSigned },
            vec!["broker.lan:8884", "TlsOptions::ca_certs"],
        ),
        (
            Error::TlsRefused { host: host(), port: 8884, alert: 116 },
            vec!["broker.lan:8884", "certificate_required (116)", "TlsOptions::certfile"],
        ),
        (Error::TlsFailed { host: host(), port: 8884, problem: problem() }, vec!["broker.lan:8884", "of the test"]),
        (Error::NoTls { host: host(), port: 1884 }, vec!["broker.lan:1884", "8883", "tls_set"]),
        (Error::NeedsTls { host: host(), port: 8884 }, vec!["broker.lan:8884", "1883", "tls_set"]),
        (Error::NotConnected { what: "subscribe" }, vec!["subscribe", "connect", "on_connect"]),
        (Error::NoConnectionRequested, vec!["connect_async"]),
        (Error::LoopRunning, vec!["loop_stop"]),
        (Error::NoLoop, vec!["loop_stop", "loop_start"]),
        (Error::InCallback { method: "loop_once" }, vec!["loop_once", "callback"]),
        (Error::NameNotFound { host: host(), cause: cause() }, vec!["\"broker.lan\"", "of the system", "DNS"]),
        (
            Error::Unreachable { host: host(), port: 1884, cause: cause() },
            vec!["broker.lan:1884", "of the system", "`ping broker.lan`"],
        ),
        (Error::WebSocket { host: host(), port: 9001, problem: problem() }, vec!["broker.lan:9001", "of the test"]),
        (
            Error::Proxy { proxy: "proxy.lan:3128".into(), host: host(), port: 1884, problem: problem() },
            vec!["broker.lan:1884", "proxy.lan:3128", "of the test"],
        ),
        (Error::SocketUnreachable { path: "/run/b.sock".into(), cause: cause() }, vec!["/run/b.sock", "of the system"]),
        (
            Error::ConnectTimeout { host: host(), port: 1884, seconds: 2.5, stage: "the broker's answer (CONNACK)" },
            vec!["broker.lan:1884", "2.5 s", "CONNACK", "connect_timeout_set"],
        ),
        (Error::ClosedDuringConnect { host: host(), port: 1884 }, vec!["broker.lan:1884", "TLS (8883)"]),
        (Error::Protocol { problem: problem() }, vec!["of the test", "broker MQTT"]),
        (refused(134), vec!["broker.lan:1883", "Bad user name or password (134)", "username_pw_set"]),
        (Error::ConnectionLost { code }, vec!["Administrative action (152)"]),
        (
            Error::PublishRefused { topic: Some("t/1".into()), code },
            vec!["topic \"t/1\"", "Administrative action (152)", "acl_file"],
        ),
        (Error::HungUp { name: "t/1".into() }, vec!["\"t/1\"", "QoS"]),
        (
            Error::Timeout { what: "wait_for_publish", after: Duration::from_millis(1500) },
            vec!["wait_for_publish", "1.5s"],
        ),
        (Error::PacketTooLarge { limit: 4_321 }, vec!["4321", "max_packet_size"]),
        (Error::RetainNotSupported, vec!["retain", "retain_available"]),
        (Error::QosNotSupported { maximum: 1 }, vec!["QoS 1", "max_qos"]),
        (Error::TopicAliasTooHigh { maximum: 7 }, vec!["7"]),
        (Error::UnknownTopicAlias { alias: 7 }, vec!["alias", "7"]),
        (Error::SubscriptionNotSupported { filter: "a/#".into(), what: "of the test" }, vec!["\"a/#\"", "of the test"]),
        (
            Error::TransportNotAvailable { transport: Transport::WebSockets },
            vec!["websockets", "--features websockets", "Transport::Tcp"],
        ),
        (Error::TransportNotAvailable { transport: Transport::Unix }, vec!["unix", "Transport::Tcp"]),
        (Error::EngineNotCompiled, vec!["Paho", "\"paho\"", "Engine::Native"]),
        (Error::SubscriptionRefused { filter: "a/#".into(), code }, vec!["\"a/#\"", "(152)", "acl_file"]),
        (Error::Unconfirmed { count: 12 }, vec!["12 message(s)", "DisconnectOptions::timeout"]),
        (Error::Cancelled, vec!["disconnect", "connect"]),
        (Error::Dropped, vec![]),
        (Error::Engine { problem: problem() }, vec!["of the test"]),
        (Error::Storage { dir: "some/dir".into(), problem: problem() }, vec!["some/dir", "of the test"]),
    ]
}

fn name(error: &Error) -> String {
    let fields = format!("{error:#?}");
    fields.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn every_error_names_its_values_in_both_languages() {
    for (error, values) in one_of_each() {
        let (english, french) = (error.text(Language::English), error.text(Language::French));
        assert_ne!(english, french);
        for value in values {
            // The one word of a text that changes its place.
            let in_english = value.replace("broker MQTT", "MQTT broker");
            assert!(english.contains(&in_english), "{in_english:?} is not in {english:?}");
            assert!(french.contains(value), "{value:?} is not in {french:?}");
        }
    }
}

#[test]
fn no_error_is_left_out() {
    let tried: BTreeSet<String> = one_of_each().iter().map(|(error, _)| name(error)).collect();
    let all: BTreeSet<String> = Error::VARIANTS.iter().map(ToString::to_string).collect();
    assert_eq!(tried, all);
}

#[test]
fn debug_is_the_text_and_its_long_form_the_fields() {
    for (error, _) in one_of_each() {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
    assert_eq!(format!("{:#?}", Error::NoLoop), "NoLoop");
    assert_eq!(format!("{:#?}", Error::InvalidQos { qos: 3 }), "InvalidQos {\n    qos: 3,\n}");
}

#[test]
fn texts_name_the_likely_cause_and_the_remedy() {
    let lost = |code| Error::ConnectionLost { code: ReasonCode::new(PacketType::Disconnect, code) };
    let not_connected = |what| Error::NotConnected { what };
    let expected: &[(Error, &[&str], &[&str])] = &[
        (
            unreachable(io::ErrorKind::ConnectionRefused),
            &["mosquitto", "listener 1884"],
            &["mosquitto", "listener 1884"],
        ),
        (unreachable(io::ErrorKind::TimedOut), &["cable", "firewall"], &["câble", "pare-feu"]),
        (unreachable(io::ErrorKind::NetworkUnreachable), &["network", "cable"], &["réseau", "câble"]),
        (refused(135), &["Not authorized (135)", "username_pw_set"], &["Not authorized (135)", "username_pw_set"]),
        (refused(133), &["client_id"], &["client_id"]),
        (refused(132), &["Protocol"], &["Protocol"]),
        (refused(136), &["try again later"], &["réessayez plus tard"]),
        (refused(77), &["Reason code 77", "log"], &["Reason code 77", "journal"]),
        (lost(142), &["same client id"], &["même identifiant"]),
        (lost(141), &["keepalive"], &["keepalive"]),
        (not_connected("publish with QoS 0"), &["QoS 1 or 2 is queued"], &["publish avec QoS 0", "mis en file"]),
        (not_connected("disconnect"), &["nothing to end"], &["rien à terminer"]),
        (not_connected("wait_for_publish"), &["it is kept"], &["il est gardé"]),
        (Error::TextTooLong { what: "password", len: 7 }, &["password is 7"], &["le mot de passe : 7"]),
    ];
    for (error, english, french) in expected {
        for (language, parts) in [(Language::English, english), (Language::French, french)] {
            let text = error.text(language);
            for part in *parts {
                assert!(text.contains(part), "{part:?} is not in {text:?}");
            }
        }
    }
    for what in ["disconnect", "wait_for_publish", "subscribe", "loop_once"] {
        assert!(
            !not_connected(what).text(Language::English).contains("QoS"),
            "{what} has nothing to do with publishing"
        );
    }
}

#[test]
fn every_hint_is_there_in_both_languages() {
    for code in 128..=255 {
        let code = ReasonCode::new(PacketType::Connack, code);
        assert_ne!(hints::lost(Language::English, code), hints::lost(Language::French, code));
        for reference in [None, Some("pi.lan:1884")] {
            let [english, french] =
                [Language::English, Language::French].map(|language| hints::refused(language, code, reference));
            assert_ne!(english, french);
            let is_named = english.contains("pi.lan:1884") && french.contains("pi.lan:1884");
            assert_eq!(is_named, reference.is_some() && [156, 157].contains(&code.value()));
        }
    }
    for problem in ["of the test", "no thread (os error 11)"] {
        assert_ne!(hints::engine(Language::English, problem), hints::engine(Language::French, problem));
    }
    for host in ["", "mqtt://a", "[::1]", "a@b", "a:1"] {
        assert_ne!(hints::host(Language::English, host), hints::host(Language::French, host));
    }
}

#[test]
fn an_io_error_is_the_source() {
    let source = unreachable(io::ErrorKind::TimedOut).source().map(ToString::to_string);
    assert_eq!(source, Some(io::Error::from(io::ErrorKind::TimedOut).to_string()));
    assert!(Error::EmptyTopic.source().is_none());
}
