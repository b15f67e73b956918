//! Enums, and the functions that explain or convert their numbers.

use rappel as pmc;
use rappel::{ConnackCode, ErrorCode, LogLevel, RetainHandling};

use super::{PACKET_TYPES, table};

/// What is not there: name, and why.
const MISSING: &[(&str, &str)] = &[("VERSION1", "the callbacks of paho-mqtt 1.x, deprecated in Python")];

#[test]
fn enums_have_pythons_numbers() {
    let mut missing = Vec::new();
    for line in table("enums") {
        let [of, name, value] = &line[..] else { panic!("{line:?}") };
        let value: i32 = value.parse().expect("a number");
        match number(of, name) {
            Some(number) => assert_eq!(number, value, "{of}.{name}"),
            None => missing.push(name.clone()),
        }
    }
    let mut expected: Vec<&str> = MISSING.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    missing.sort_unstable();
    assert_eq!(missing, expected, "what MISSING says is not there");
}

/// The number of what carries this name in Python.
fn number(of: &str, name: &str) -> Option<i32> {
    let number = match (of, name) {
        ("MQTTErrorCode", name) => return error_code(name).map(ErrorCode::value),
        ("MQTTProtocolVersion", "MQTTv31") => pmc::Protocol::V31.value().into(),
        ("MQTTProtocolVersion", "MQTTv311") => pmc::Protocol::V311.value().into(),
        ("MQTTProtocolVersion", "MQTTv5") => pmc::Protocol::V5.value().into(),
        ("CallbackAPIVersion", "VERSION2") => {
            let pmc::CallbackApiVersion::Version2 = pmc::CallbackApiVersion::Version2 else { return None };
            2
        }
        ("LogLevel", "MQTT_LOG_INFO") => LogLevel::Info.value().into(),
        ("LogLevel", "MQTT_LOG_NOTICE") => LogLevel::Notice.value().into(),
        ("LogLevel", "MQTT_LOG_WARNING") => LogLevel::Warning.value().into(),
        ("LogLevel", "MQTT_LOG_ERR") => LogLevel::Error.value().into(),
        ("LogLevel", "MQTT_LOG_DEBUG") => LogLevel::Debug.value().into(),
        ("ConnackCode", "CONNACK_ACCEPTED") => ConnackCode::Accepted.into(),
        ("ConnackCode", "CONNACK_REFUSED_PROTOCOL_VERSION") => ConnackCode::RefusedProtocolVersion.into(),
        ("ConnackCode", "CONNACK_REFUSED_IDENTIFIER_REJECTED") => ConnackCode::RefusedIdentifierRejected.into(),
        ("ConnackCode", "CONNACK_REFUSED_SERVER_UNAVAILABLE") => ConnackCode::RefusedServerUnavailable.into(),
        ("ConnackCode", "CONNACK_REFUSED_BAD_USERNAME_PASSWORD") => ConnackCode::RefusedBadUsernamePassword.into(),
        ("ConnackCode", "CONNACK_REFUSED_NOT_AUTHORIZED") => ConnackCode::RefusedNotAuthorized.into(),
        ("PacketTypes", name) => PACKET_TYPES.iter().find(|(_, known)| *known == name)?.0 as i32,
        ("SubscribeOptions", "RETAIN_SEND_ON_SUBSCRIBE") => RetainHandling::SendOnSubscribe as i32,
        ("SubscribeOptions", "RETAIN_SEND_IF_NEW_SUB") => RetainHandling::SendIfNew as i32,
        ("SubscribeOptions", "RETAIN_DO_NOT_SEND") => RetainHandling::DoNotSend as i32,
        _ => return None,
    };
    Some(number)
}

fn error_code(name: &str) -> Option<ErrorCode> {
    let known = [
        ("AGAIN", ErrorCode::Again),
        ("SUCCESS", ErrorCode::Success),
        ("NOMEM", ErrorCode::NoMem),
        ("PROTOCOL", ErrorCode::Protocol),
        ("INVAL", ErrorCode::Inval),
        ("NO_CONN", ErrorCode::NoConn),
        ("CONN_REFUSED", ErrorCode::ConnRefused),
        ("NOT_FOUND", ErrorCode::NotFound),
        ("CONN_LOST", ErrorCode::ConnLost),
        ("TLS", ErrorCode::Tls),
        ("PAYLOAD_SIZE", ErrorCode::PayloadSize),
        ("NOT_SUPPORTED", ErrorCode::NotSupported),
        ("AUTH", ErrorCode::Auth),
        ("ACL_DENIED", ErrorCode::AclDenied),
        ("UNKNOWN", ErrorCode::Unknown),
        ("ERRNO", ErrorCode::Errno),
        ("QUEUE_SIZE", ErrorCode::QueueSize),
        ("KEEPALIVE", ErrorCode::Keepalive),
    ];
    let short = name.strip_prefix("MQTT_ERR_")?;
    known.iter().find(|(known, _)| *known == short).map(|(_, code)| *code)
}

#[test]
fn texts_are_pythons() {
    let codes: Vec<ErrorCode> = table("enums")
        .iter()
        .filter(|line| line[0] == "MQTTErrorCode")
        .map(|line| error_code(&line[1]).expect("one of ours"))
        .collect();
    for line in table("texts") {
        let [function, number, expected] = &line[..] else { panic!("{line:?}") };
        let number: i32 = number.parse().expect("a number");
        let code = codes.iter().find(|code| **code == number);
        let text = match function.as_str() {
            "error_string" => {
                let text = pmc::error_string(number);
                assert!(code.is_none_or(|code| code.to_string() == text), "{line:?}");
                text.to_owned()
            }
            "connack_string" => pmc::connack_string(number).to_owned(),
            "convert_connack_rc_to_reason_code" => with_number(pmc::convert_connack_rc_to_reason_code(number)),
            "convert_disconnect_error_code_to_reason_code" => {
                with_number(pmc::convert_disconnect_error_code_to_reason_code(*code.expect("one of ours")))
            }
            _ => panic!("{line:?}"),
        };
        assert_eq!(text, *expected, "{function}({number})");
    }
}

fn with_number(code: pmc::ReasonCode) -> String {
    format!("{} {code}", code.value())
}
