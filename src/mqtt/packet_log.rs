//! Packets as paho-python's log tells them. Never a payload, never a password.

use std::fmt::{self, Write as _};

use crate::mqtt::fixed_header::FixedHeader;
use crate::mqtt::{Packet, ProtocolError, Reader, kind, properties};
use crate::types::{PacketType, Properties, PropertyFields, Protocol, ReasonCode};

/// A packet of the broker's.
pub(crate) fn received(version: Protocol, packet: &Packet) -> String {
    let is_v5 = version == Protocol::V5;
    match packet {
        Packet::Connack(connack) => {
            let flags = u8::from(connack.session_present);
            match is_v5 {
                true => {
                    let properties = Given(&connack.properties);
                    format!("Received CONNACK ({flags}, {}) properties={properties}", connack.code)
                }
                false => format!("Received CONNACK ({flags}, {})", return_code(connack.code)),
            }
        }
        Packet::Publish(publish) => {
            let (dup, qos, retain) = (u8::from(publish.dup), publish.qos.value(), u8::from(publish.retain));
            let mut text =
                format!("Received PUBLISH (d{dup}, q{qos}, r{retain}, m{}), '{}', ", publish.id, publish.topic);
            if is_v5 {
                let _ = write!(text, "properties={}, ", Given(&publish.properties));
            }
            // Two blanks, as in Python.
            let _ = write!(text, "...  ({} bytes)", publish.payload.len());
            text
        }
        Packet::Puback(ack) => format!("Received PUBACK (Mid: {})", ack.id),
        Packet::Pubrec(ack) => format!("Received PUBREC (Mid: {})", ack.id),
        Packet::Pubrel(ack) => format!("Received PUBREL (Mid: {})", ack.id),
        Packet::Pubcomp(ack) => format!("Received PUBCOMP (Mid: {})", ack.id),
        Packet::Suback(_) => "Received SUBACK".to_owned(),
        Packet::Unsuback(ack) => format!("Received UNSUBACK (Mid: {})", ack.id),
        Packet::Pingresp => "Received PINGRESP".to_owned(),
        Packet::Disconnect { code, properties } => {
            format!("Received DISCONNECT {} {}", ReasonCode::new(PacketType::Disconnect, *code), Given(properties))
        }
    }
}

/// A packet of ours, from its bytes; of a PUBLISH, those before the payload, with the message id, which is not in them at
/// QoS 0. `None` for what is none.
pub(crate) fn sent(version: Protocol, packet: &[u8], message_id: u16) -> Option<String> {
    let header = FixedHeader::read(packet).ok()??;
    let mut body = Reader::new(packet.get(header.len..)?);
    let text = match header.kind() {
        kind::CONNECT => connect(version, &mut body),
        kind::PUBLISH => publish(version, header, message_id, &mut body),
        kind::SUBSCRIBE => subscribe(version, &mut body),
        kind::UNSUBSCRIBE => unsubscribe(version, &mut body),
        kind::DISCONNECT => disconnect(version, &mut body),
        kind::PUBACK => with_id("PUBACK", &mut body),
        kind::PUBREC => with_id("PUBREC", &mut body),
        kind::PUBREL => with_id("PUBREL", &mut body),
        kind::PUBCOMP => with_id("PUBCOMP", &mut body),
        kind::PINGREQ => Ok("PINGREQ".to_owned()),
        _ => return None,
    };
    text.ok().map(|text| format!("Sending {text}"))
}

fn connect(version: Protocol, body: &mut Reader<'_>) -> Result<String, ProtocolError> {
    let (_name, _level, flags, keepalive) = (body.binary()?, body.u8()?, body.u8()?, body.u16()?);
    let properties = list(version, body)?;
    let client_id = Bytes(body.binary()?);
    let bit = |place: u8| flags >> place & 1;
    let mut text = format!(
        "CONNECT (u{}, p{}, wr{}, wq{}, wf{}, c{}, k{keepalive}) client_id={client_id}",
        bit(7),
        bit(6),
        bit(5),
        flags >> 3 & 3,
        bit(2),
        bit(1)
    );
    if let Some(properties) = properties {
        let _ = write!(text, " properties={}", Optional(&properties));
    }
    Ok(text)
}

fn publish(
    version: Protocol,
    header: FixedHeader,
    message_id: u16,
    body: &mut Reader<'_>,
) -> Result<String, ProtocolError> {
    let flags = header.flags();
    let (dup, qos, retain) = (flags >> 3, flags >> 1 & 3, flags & 1);
    let before = body.len();
    let topic = Bytes(body.binary()?);
    let id = if qos > 0 { body.u16()? } else { message_id };
    let properties = list(version, body)?;
    let payload = header.body.saturating_sub(before - body.len());
    let mut text = format!("PUBLISH (d{dup}, q{qos}, r{retain}, m{id}), '{topic}'");
    if let Some(properties) = properties {
        let _ = write!(text, ", properties={}", Optional(&properties));
    }
    let _ = match payload {
        0 => write!(text, " (NULL payload)"),
        _ => write!(text, ", ... ({payload} bytes)"),
    };
    Ok(text)
}

fn subscribe(version: Protocol, body: &mut Reader<'_>) -> Result<String, ProtocolError> {
    let id = body.packet_id()?;
    list(version, body)?;
    let mut filters = Vec::new();
    while !body.is_empty() {
        let (filter, options) = (Bytes(body.binary()?), body.u8()?);
        let qos = options & 3;
        filters.push(match version {
            Protocol::V5 => {
                let (no_local, as_published) = (truth(options >> 2), truth(options >> 3));
                let handling = options >> 4 & 3;
                format!("({filter}, {{QoS={qos}, noLocal={no_local}, retainAsPublished={as_published}, retainHandling={handling}}})")
            }
            Protocol::V31 | Protocol::V311 => format!("({filter}, {qos})"),
        });
    }
    Ok(format!("SUBSCRIBE (d0, m{id}) [{}]", filters.join(", ")))
}

fn unsubscribe(version: Protocol, body: &mut Reader<'_>) -> Result<String, ProtocolError> {
    let mut text = format!("UNSUBSCRIBE (d0, m{}) ", body.packet_id()?);
    if let Some(properties) = list(version, body)? {
        let _ = write!(text, "{} ", Optional(&properties));
    }
    let mut filters = Vec::new();
    while !body.is_empty() {
        filters.push(Bytes(body.binary()?).to_string());
    }
    let _ = write!(text, "[{}]", filters.join(", "));
    Ok(text)
}

fn disconnect(version: Protocol, body: &mut Reader<'_>) -> Result<String, ProtocolError> {
    if version != Protocol::V5 {
        return Ok("DISCONNECT".to_owned());
    }
    let code = match body.is_empty() {
        true => "None".to_owned(),
        false => ReasonCode::new(PacketType::Disconnect, body.u8()?).to_string(),
    };
    let properties = if body.is_empty() { None } else { list(version, body)? }.unwrap_or_default();
    Ok(format!("DISCONNECT reasonCode={code} properties={}", Optional(&properties)))
}

fn with_id(name: &str, body: &mut Reader<'_>) -> Result<String, ProtocolError> {
    Ok(format!("{name} (Mid: {})", body.packet_id()?))
}

/// The properties of a packet of ours; `None` before MQTT 5.
fn list(version: Protocol, body: &mut Reader<'_>) -> Result<Option<Properties>, ProtocolError> {
    match version {
        Protocol::V5 => properties::decode(body, &|_| true).map(Some),
        Protocol::V31 | Protocol::V311 => Ok(None),
    }
}

/// The number that CONNACK had before MQTT 5.
fn return_code(code: ReasonCode) -> u8 {
    match code.value() {
        132 => 1,
        133 => 2,
        136 => 3,
        134 => 4,
        135 => 5,
        other => other,
    }
}

/// Python's `True` and `False`, of the lowest bit.
fn truth(bits: u8) -> &'static str {
    if bits & 1 == 1 { "True" } else { "False" }
}

/// Properties that came with a packet, perhaps none.
struct Given<'a>(&'a Properties);

/// Properties that the program may have given.
struct Optional<'a>(&'a Properties);

/// Bytes as Python shows them: `b'..'`.
struct Bytes<'a>(&'a [u8]);

/// Text as Python shows it within a list.
struct Text<'a>(&'a str);

impl fmt::Display for Optional<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("None") } else { Given(self.0).fmt(f) }
    }
}

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: &PropertyFields = self.0;
        let identifiers = &all.subscription_identifier;
        let pairs: Vec<String> =
            all.user_property.iter().map(|(name, value)| format!("({}, {})", Text(name), Text(value))).collect();
        let number = |flag: Option<bool>| flag.map(u8::from);
        let shown: Vec<String> = [
            ("PayloadFormatIndicator", if_set(&all.payload_format_indicator)),
            ("MessageExpiryInterval", if_set(&all.message_expiry_interval)),
            ("ContentType", if_set(&all.content_type)),
            ("ResponseTopic", if_set(&all.response_topic)),
            ("CorrelationData", if_set(&all.correlation_data.as_deref().map(Bytes))),
            ("SubscriptionIdentifier", if_set(&(!identifiers.is_empty()).then(|| format!("{identifiers:?}")))),
            ("SessionExpiryInterval", if_set(&all.session_expiry_interval)),
            ("AssignedClientIdentifier", if_set(&all.assigned_client_identifier)),
            ("ServerKeepAlive", if_set(&all.server_keep_alive)),
            ("AuthenticationMethod", if_set(&all.authentication_method)),
            // It may be a secret.
            (
                "AuthenticationData",
                if_set(&all.authentication_data.as_ref().map(|data| format!("({} bytes)", data.len()))),
            ),
            ("RequestProblemInformation", if_set(&number(all.request_problem_information))),
            ("WillDelayInterval", if_set(&all.will_delay_interval)),
            ("RequestResponseInformation", if_set(&number(all.request_response_information))),
            ("ResponseInformation", if_set(&all.response_information)),
            ("ServerReference", if_set(&all.server_reference)),
            ("ReasonString", if_set(&all.reason_string)),
            ("ReceiveMaximum", if_set(&all.receive_maximum)),
            ("TopicAliasMaximum", if_set(&all.topic_alias_maximum)),
            ("TopicAlias", if_set(&all.topic_alias)),
            ("MaximumQoS", if_set(&all.maximum_qos)),
            ("RetainAvailable", if_set(&number(all.retain_available))),
            ("UserProperty", if_set(&(!pairs.is_empty()).then(|| format!("[{}]", pairs.join(", "))))),
            ("MaximumPacketSize", if_set(&all.maximum_packet_size)),
            ("WildcardSubscriptionAvailable", if_set(&number(all.wildcard_subscription_available))),
            ("SubscriptionIdentifierAvailable", if_set(&number(all.subscription_identifier_available))),
            ("SharedSubscriptionAvailable", if_set(&number(all.shared_subscription_available))),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name} : {value}")))
        .collect();
        write!(f, "[{}]", shown.join(", "))
    }
}

/// What a property says, if it is set.
fn if_set(value: &Option<impl fmt::Display>) -> Option<&dyn fmt::Display> {
    value.as_ref().map(|value| value as _)
}

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = quote(self.0.contains(&b'\''), self.0.contains(&b'"'));
        write!(f, "b{quote}")?;
        for &byte in self.0 {
            match byte {
                b'\\' => f.write_str("\\\\")?,
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                _ if char::from(byte) == quote => write!(f, "\\{quote}")?,
                b' '..=b'~' => f.write_char(char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_char(quote)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = quote(self.0.contains('\''), self.0.contains('"'));
        f.write_char(quote)?;
        for letter in self.0.chars() {
            match letter {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                _ if letter == quote => write!(f, "\\{quote}")?,
                _ if letter.is_control() => write!(f, "\\x{:02x}", u32::from(letter))?,
                _ => f.write_char(letter)?,
            }
        }
        f.write_char(quote)
    }
}

/// Python takes the quotation mark that is not within.
fn quote(has_single: bool, has_double: bool) -> char {
    if has_single && !has_double { '"' } else { '\'' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{ConnectPacket, Credentials, Will};

    #[test]
    fn python_chooses_its_quotation_marks() {
        let shown = ["it's", "\"", "it's \"", "a\\\n\u{1}é"].map(|text| Text(text).to_string());
        assert_eq!(shown, ["\"it's\"", "'\"'", "'it\\'s \"'", "'a\\\\\\n\\x01é'"]);
        assert_eq!(Bytes("it's é".as_bytes()).to_string(), "b\"it's \\xc3\\xa9\"");
    }

    #[test]
    fn secrets_are_not_shown() {
        let password = Some(b"Password1234".to_vec());
        let packet = ConnectPacket {
            version: Protocol::V5,
            will: Some(Will { topic: "w".into(), payload: b"Password1234".to_vec(), ..Will::default() }),
            credentials: Some(Credentials { user: "info".into(), password }),
            ..ConnectPacket::default()
        };
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        let text = sent(Protocol::V5, &bytes, 0).expect("a packet");
        assert_eq!(text, "Sending CONNECT (u1, p1, wr0, wq0, wf1, c0, k0) client_id=b'' properties=None");
        let data = Properties::new().with_authentication_data("Password1234");
        assert_eq!(Given(&data).to_string(), "[AuthenticationData : (12 bytes)]");
    }

    #[test]
    fn what_is_no_packet_has_no_text() {
        for bytes in [&[][..], &[0x30], &[0x10, 2, 0, 9], &[0xf0, 0]] {
            assert_eq!(sent(Protocol::V5, bytes, 0), None, "{bytes:?}");
        }
    }
}
