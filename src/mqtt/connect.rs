//! CONNECT, which opens the session, and CONNACK, the broker's answer.

use std::fmt;

use crate::mqtt::writer::{Length, Writer};
use crate::mqtt::{ProtocolError, Reader, kind, properties};
use crate::types::{PacketType, Properties, Protocol, Qos, ReasonCode};

/// What a client says first (MQTT 5, section 3.1).
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ConnectPacket {
    pub(crate) version: Protocol,
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

    fn write_body(&self, out: &mut impl Writer) {
        out.binary(b"MQTT");
        out.u8(self.version.value());
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
