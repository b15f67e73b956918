//! CONNECT, which opens the session, and CONNACK, the broker's answer.

use std::fmt;

use crate::mqtt::writer::{Length, Writer};
use crate::mqtt::{ProtocolError, Reader, kind, properties};
use crate::types::{PacketType, Properties, Protocol, Qos, ReasonCode};

/// What a client says first (MQTT 5, section 3.1).
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ConnectPacket {
    pub(crate) version: Protocol,
    /// Says that a bridge to another broker connects, which Mosquitto treats in a way of its own; in no standard.
    pub(crate) bridge: bool,
    /// May be empty: the broker then assigns one.
    pub(crate) client_id: String,
    /// Clean Session in MQTT 3.1.1, Clean Start in MQTT 5.
    pub(crate) clean: bool,
    /// Seconds without a packet of ours after which the broker gives up; 0 switches the keep-alive off.
    pub(crate) keepalive: u16,
    pub(crate) will: Option<Will>,
    pub(crate) credentials: Option<Credentials>,
    /// Left out of MQTT 3.1.1, as all properties are.
    pub(crate) properties: Properties,
}

/// What the broker publishes when this client is lost (MQTT 5, section 3.1.2.5).
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) properties: Properties,
}

/// A user name, with or without a password.
#[derive(Clone, PartialEq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: Option<Vec<u8>>,
}

/// The broker's answer to CONNECT (MQTT 5, section 3.2).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Connack {
    pub(crate) session_present: bool,
    /// A number of MQTT 5 in every version: 0, or 128 and more for a refusal.
    pub(crate) code: ReasonCode,
    pub(crate) properties: Properties,
}

/// Marks a bridge in the protocol level.
const BRIDGE: u8 = 0x80;

/// The connect flags (MQTT 5, section 3.1.2.3).
const CLEAN: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;

impl ConnectPacket {
    /// Appends the packet.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut length = Length::default();
        self.write_body(&mut length);
        out.u8(kind::CONNECT << 4);
        out.varint(length.0);
        self.write_body(out);
    }

    /// Whether the session that it asks for outlives the connection.
    pub(crate) fn asks_for_kept_session(&self) -> bool {
        match self.version {
            Protocol::V5 => self.properties.session_expiry_interval.is_some_and(|seconds| seconds > 0),
            _ => !self.clean,
        }
    }

    fn write_body(&self, out: &mut impl Writer) {
        out.binary(if self.version == Protocol::V31 { b"MQIsdp" } else { b"MQTT" });
        out.u8(self.version.value() | if self.bridge { BRIDGE } else { 0 });
        out.u8(self.flags());
        out.u16(self.keepalive);
        properties::write(self.version, &self.properties, out);
        out.binary(self.client_id.as_bytes());
        if let Some(will) = &self.will {
            properties::write(self.version, &will.properties, out);
            out.binary(will.topic.as_bytes());
            out.binary(&will.payload);
        }
        if let Some(credentials) = &self.credentials {
            out.binary(credentials.user.as_bytes());
            if let Some(password) = &credentials.password {
                out.binary(password);
            }
        }
    }

    fn flags(&self) -> u8 {
        let mut flags = if self.clean { CLEAN } else { 0 };
        if let Some(will) = &self.will {
            flags |= WILL | will.qos.value() << 3 | if will.retain { WILL_RETAIN } else { 0 };
        }
        if let Some(credentials) = &self.credentials {
            flags |= USER_NAME | if credentials.password.is_some() { PASSWORD } else { 0 };
        }
        flags
    }
}

impl fmt::Debug for Will {
    /// Shows the length of the payload, not its content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will")
            .field("topic", &self.topic)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("properties", &self.properties)
            .finish()
    }
}

impl fmt::Debug for Credentials {
    /// Shows whether there is a password, not which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "[hidden]"))
            .finish()
    }
}

/// Reads a CONNACK; `body` is what follows its fixed header.
pub(super) fn connack(version: Protocol, body: &mut Reader<'_>) -> Result<Connack, ProtocolError> {
    let flags = body.u8()?;
    let value = body.u8()?;
    let code = reason_code(version, value);
    if version == Protocol::V5 && body.is_empty() && code != 0 {
        // A broker without MQTT 5 refuses the version with a packet of its own, whose first byte MQTT 3.1 reserves.
        return Ok(Connack { session_present: false, code, properties: Properties::new() });
    }
    if version == Protocol::V31 {
        // The byte is reserved there, and says nothing of a session.
        return Ok(Connack { session_present: false, code, properties: Properties::new() });
    }
    if flags > 1 {
        return Err(ProtocolError::malformed("reserved flags are set in CONNACK"));
    }
    let session_present = flags == 1;
    if session_present && code != 0 {
        return Err(ProtocolError::protocol("a refusing CONNACK claims a session"));
    }
    Ok(Connack { session_present, code, properties: properties::read(version, PacketType::Connack, body)? })
}

/// The MQTT 5 code that `value` stands for. MQTT 5 has none between 0 and 128: those are of a broker without MQTT 5.
fn reason_code(version: Protocol, value: u8) -> ReasonCode {
    if version == Protocol::V5 && value >= 0x80 {
        ReasonCode::new(PacketType::Connack, value)
    } else {
        ReasonCode::from_connack_v3(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(packet: &ConnectPacket) -> Vec<u8> {
        let mut out = Vec::new();
        packet.encode(&mut out);
        out
    }

    fn everything(version: Protocol) -> ConnectPacket {
        ConnectPacket {
            version,
            bridge: false,
            client_id: "c".into(),
            clean: true,
            keepalive: 0x0102,
            will: Some(Will {
                topic: "w".into(),
                payload: b"p".to_vec(),
                qos: Qos::AtLeastOnce,
                retain: true,
                properties: Properties::new().with_will_delay_interval(5),
            }),
            credentials: Some(Credentials { user: "u".into(), password: Some(vec![0, 255]) }),
            properties: Properties::new().with_receive_maximum(9),
        }
    }

    fn read(version: Protocol, body: &[u8]) -> Result<Connack, u8> {
        connack(version, &mut Reader::new(body)).map_err(|error| error.code)
    }

    fn refusal(value: u8) -> Result<Connack, u8> {
        let code = ReasonCode::new(PacketType::Connack, value);
        Ok(Connack { session_present: false, code, properties: Properties::new() })
    }

    #[test]
    fn the_least_that_can_be_said() {
        let mut packet = ConnectPacket::default();
        assert_eq!(encoded(&packet), [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 0, 0, 0, 0, 0]);
        packet.version = Protocol::V5;
        assert_eq!(encoded(&packet), [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn mqtt_3_1_has_another_name_and_bridges_are_marked() {
        let mut packet = ConnectPacket { version: Protocol::V31, client_id: "c".into(), ..ConnectPacket::default() };
        let v31 = [&[0x10, 15, 0, 6][..], b"MQIsdp", &[3, 0, 0, 0, 0, 1, b'c']].concat();
        assert_eq!(encoded(&packet), v31);
        packet.bridge = true;
        assert_eq!(encoded(&packet)[10], 0x83);
        packet.version = Protocol::V5;
        assert_eq!(encoded(&packet)[8], 0x85);
    }

    #[test]
    fn will_and_credentials_follow_in_the_standards_order() {
        let v311 = encoded(&everything(Protocol::V311));
        assert_eq!(v311[..12], [0x10, 26, 0, 4, b'M', b'Q', b'T', b'T', 4, 0xee, 1, 2]);
        assert_eq!(v311[12..], [0, 1, b'c', 0, 1, b'w', 0, 1, b'p', 0, 1, b'u', 0, 2, 0, 255]);
        let v5 = encoded(&everything(Protocol::V5));
        assert_eq!(v5[..16], [0x10, 36, 0, 4, b'M', b'Q', b'T', b'T', 5, 0xee, 1, 2, 3, 0x21, 0, 9]);
        let will = [0, 1, b'c', 5, 0x18, 0, 0, 0, 5, 0, 1, b'w', 0, 1, b'p'];
        assert_eq!(v5[16..], [&will[..], &[0, 1, b'u', 0, 2, 0, 255]].concat());
    }

    #[test]
    fn each_flag() {
        let flags = |packet: &ConnectPacket| encoded(packet)[9];
        let will = |qos, retain| Some(Will { qos, retain, ..Will::default() });
        let with_will = |qos, retain| flags(&ConnectPacket { will: will(qos, retain), ..ConnectPacket::default() });
        assert_eq!(flags(&ConnectPacket { clean: true, ..ConnectPacket::default() }), 0x02);
        assert_eq!(with_will(Qos::AtMostOnce, false), 0x04);
        assert_eq!(with_will(Qos::ExactlyOnce, true), 0x34);
        let user = Credentials { user: "u".into(), password: None };
        assert_eq!(flags(&ConnectPacket { credentials: Some(user), ..ConnectPacket::default() }), 0x80);
        let empty = Credentials { user: String::new(), password: Some(Vec::new()) };
        assert_eq!(flags(&ConnectPacket { credentials: Some(empty), ..ConnectPacket::default() }), 0xc0);
    }

    #[test]
    fn debug_hides_password_and_payload() {
        let debug = format!("{:?}", everything(Protocol::V5));
        assert!(debug.contains("1 bytes") && debug.contains("[hidden]"), "{debug}");
        assert!(!debug.contains("255") && !debug.contains("112"), "{debug}");
    }

    #[test]
    fn accepted() {
        for (body, session_present) in [(&[0, 0][..], false), (&[1, 0], true)] {
            assert_eq!(
                read(Protocol::V311, body).map(|it| (it.session_present, it.code == 0)),
                Ok((session_present, true))
            );
            let body = [body, &[3, 0x21, 0, 9]].concat();
            let connack = read(Protocol::V5, &body).expect("a sound CONNACK");
            assert_eq!((connack.session_present, connack.properties.receive_maximum), (session_present, Some(9)));
        }
    }

    #[test]
    fn mqtt_3_1_says_nothing_of_a_session() {
        for first in [0, 1, 0xff] {
            let accepted = read(Protocol::V31, &[first, 0]).map(|it| (it.session_present, it.code == 0));
            assert_eq!(accepted, Ok((false, true)), "{first}");
            assert_eq!(read(Protocol::V31, &[first, 2]), refusal(133), "{first}");
        }
    }

    #[test]
    fn refused_in_3_1_1() {
        for (code, reason) in [(1, 132), (2, 133), (3, 136), (4, 134), (5, 135), (6, 128), (0x87, 128), (0xff, 128)] {
            assert_eq!(read(Protocol::V311, &[0, code]), refusal(reason), "{code}");
        }
    }

    #[test]
    fn refused_in_5() {
        assert_eq!(read(Protocol::V5, &[0, 0x87, 0]), refusal(0x87));
        let why = read(Protocol::V5, &[0, 0x87, 4, 0x1f, 0, 1, b'w']).expect("a sound CONNACK");
        assert_eq!(why.properties.reason_string.as_deref(), Some("w"));
    }

    #[test]
    fn a_broker_without_mqtt_5_refuses_in_its_own_words() {
        for (code, reason) in [(1, 132), (2, 133), (3, 136), (4, 134), (5, 135), (6, 128), (0x84, 0x84)] {
            for first in [0, 1, 0x80] {
                assert_eq!(read(Protocol::V5, &[first, code]), refusal(reason), "{first} {code}");
            }
            assert_eq!(read(Protocol::V5, &[0, code, 0]), refusal(reason), "{code}");
        }
        assert_eq!(read(Protocol::V5, &[0, 0]), Err(0x81), "it cannot accept without properties");
    }

    #[test]
    fn connacks_that_no_broker_may_send() {
        for (version, list) in [(Protocol::V311, &[][..]), (Protocol::V5, &[0])] {
            let with = |head: &[u8]| read(version, &[head, list].concat());
            assert_eq!(with(&[2, 0]), Err(0x81), "reserved flags");
            assert_eq!(with(&[1, 1]), Err(0x82), "a session with a refusal");
            assert_eq!(read(version, &[]), Err(0x81));
            assert_eq!(read(version, &[0]), Err(0x81));
        }
        assert_eq!(read(Protocol::V5, &[0, 0, 3, 0x23, 0, 1]), Err(0x81), "a property of PUBLISH");
    }
}
