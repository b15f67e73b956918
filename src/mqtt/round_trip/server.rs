//! The other end of the codec: reads what a client sends, writes what a broker does.

use crate::mqtt::properties::{self, decode};
use crate::mqtt::writer::Writer;
use crate::mqtt::{
    Ack, ConnectPacket, Credentials, FilterAck, Packet, ProtocolError, PublishHeader, Reader, Will, encode_properties,
};
use crate::types::{Properties, Protocol, Qos, ReasonCode, RetainHandling, SubscribeOptions};

/// A CONNACK that accepts and says no more.
pub(super) fn accepted(version: Protocol) -> Vec<u8> {
    match version {
        Protocol::V5 => vec![0x20, 3, 0, 0, 0],
        Protocol::V31 | Protocol::V311 => vec![0x20, 2, 0, 0],
    }
}

/// `packet` in its longest form.
pub(super) fn encode(version: Protocol, packet: &Packet) -> Vec<u8> {
    let mut body = Vec::new();
    let first = match packet {
        Packet::Connack(connack) => {
            let code = match version {
                Protocol::V5 => connack.code.value(),
                Protocol::V31 | Protocol::V311 => return_code(connack.code),
            };
            body.bytes(&[u8::from(connack.session_present), code]);
            properties::write(version, &connack.properties, &mut body);
            0x20
        }
        Packet::Publish(message) => {
            let header = PublishHeader {
                topic: &message.topic,
                qos: message.qos,
                retain: message.retain,
                dup: message.dup,
                id: message.id,
                properties: &message.properties,
                payload_len: message.payload.len(),
            };
            header.encode(version, &mut body);
            body.bytes(&message.payload);
            return body;
        }
        Packet::Puback(ack) => write_ack(version, 0x40, ack, &mut body),
        Packet::Pubrec(ack) => write_ack(version, 0x50, ack, &mut body),
        Packet::Pubrel(ack) => write_ack(version, 0x62, ack, &mut body),
        Packet::Pubcomp(ack) => write_ack(version, 0x70, ack, &mut body),
        Packet::Suback(ack) => write_filter_ack(version, 0x90, ack, &mut body),
        Packet::Unsuback(ack) => write_filter_ack(version, 0xb0, ack, &mut body),
        Packet::Pingresp => 0xd0,
        Packet::Disconnect { code, properties } => {
            body.u8(*code);
            encode_properties(&mut body, properties);
            0xe0
        }
    };
    let mut packet = vec![first];
    packet.varint(body.len());
    packet.bytes(&body);
    packet
}

/// The return code of MQTT 3.1.1 that has become `code`.
fn return_code(code: ReasonCode) -> u8 {
    (0..=6).find(|&value| ReasonCode::from_connack_v3(value) == code).expect("a code of MQTT 3.1.1")
}

fn write_ack(version: Protocol, first: u8, ack: &Ack, body: &mut Vec<u8>) -> u8 {
    body.u16(ack.id);
    if version == Protocol::V5 {
        body.u8(ack.code);
    }
    properties::write(version, &ack.properties, body);
    first
}

fn write_filter_ack(version: Protocol, first: u8, ack: &FilterAck, body: &mut Vec<u8>) -> u8 {
    body.u16(ack.id);
    properties::write(version, &ack.properties, body);
    body.bytes(&ack.codes);
    first
}

/// What of `options` reaches a broker.
pub(super) fn known(version: Protocol, options: &SubscribeOptions) -> SubscribeOptions {
    match version {
        Protocol::V5 => SubscribeOptions { properties: Properties::new(), ..options.clone() },
        Protocol::V31 | Protocol::V311 => SubscribeOptions::new().qos(options.qos),
    }
}

pub(super) fn read_connect(packet: &[u8]) -> ConnectPacket {
    let mut body = body(packet, 0x10);
    connect(&mut body).expect("a sound CONNECT")
}

pub(super) fn read_subscribe(version: Protocol, packet: &[u8]) -> (u16, Vec<(String, SubscribeOptions)>, Properties) {
    subscribe(version, &mut body(packet, 0x82)).expect("a sound SUBSCRIBE")
}

pub(super) fn read_unsubscribe(version: Protocol, packet: &[u8]) -> (u16, Vec<String>, Properties) {
    unsubscribe(version, &mut body(packet, 0xa2)).expect("a sound UNSUBSCRIBE")
}

/// What follows the fixed header of a packet that begins with `first` and ends where it says.
fn body(packet: &[u8], first: u8) -> Reader<'_> {
    let mut reader = Reader::new(packet);
    assert_eq!(reader.u8(), Ok(first));
    let len = reader.varint().expect("a remaining length");
    let body = reader.remainder();
    assert_eq!(body.len(), len);
    Reader::new(body)
}

fn list(version: Protocol, body: &mut Reader<'_>) -> Result<Properties, ProtocolError> {
    if version == Protocol::V5 { decode(body, &|_| true) } else { Ok(Properties::new()) }
}

fn connect(body: &mut Reader<'_>) -> Result<ConnectPacket, ProtocolError> {
    let (name, level) = (body.text()?, body.u8()?);
    let version = match (name, level & 0x7f) {
        ("MQIsdp", 3) => Protocol::V31,
        ("MQTT", 4) => Protocol::V311,
        ("MQTT", 5) => Protocol::V5,
        _ => panic!("protocol {name} {level}"),
    };
    let bridge = level & 0x80 != 0;
    let flags = body.u8()?;
    assert!(flags & 0x01 == 0 && (flags & 0x04 != 0 || flags & 0x38 == 0), "connect flags {flags:02x}");
    let keepalive = body.u16()?;
    let properties = list(version, body)?;
    let client_id = body.text()?.to_owned();
    let will = match flags & 0x04 {
        0 => None,
        _ => Some(Will {
            properties: list(version, body)?,
            topic: body.text()?.to_owned(),
            payload: body.binary()?.to_vec(),
            qos: Qos::try_from(i32::from(flags >> 3 & 3)).expect("a QoS"),
            retain: flags & 0x20 != 0,
        }),
    };
    let user = if flags & 0x80 != 0 { Some(body.text()?.to_owned()) } else { None };
    let password = if flags & 0x40 != 0 { Some(body.binary()?.to_vec()) } else { None };
    let credentials = user.map(|user| Credentials { user, password });
    assert!(body.is_empty());
    Ok(ConnectPacket { version, bridge, client_id, clean: flags & 0x02 != 0, keepalive, will, credentials, properties })
}

type Subscriptions = Vec<(String, SubscribeOptions)>;

fn subscribe(version: Protocol, body: &mut Reader<'_>) -> Result<(u16, Subscriptions, Properties), ProtocolError> {
    let (id, properties) = (body.u16()?, list(version, body)?);
    let mut filters = Vec::new();
    while !body.is_empty() {
        let (filter, bits) = (body.text()?.to_owned(), body.u8()?);
        let retain_handling = match bits >> 4 {
            0 => RetainHandling::SendOnSubscribe,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => panic!("subscription options {bits:02x}"),
        };
        let options = SubscribeOptions::new().qos(bits & 3).no_local(bits & 4 != 0);
        filters.push((filter, options.retain_as_published(bits & 8 != 0).retain_handling(retain_handling)));
    }
    Ok((id, filters, properties))
}

fn unsubscribe(version: Protocol, body: &mut Reader<'_>) -> Result<(u16, Vec<String>, Properties), ProtocolError> {
    let (id, properties) = (body.u16()?, list(version, body)?);
    let mut filters = Vec::new();
    while !body.is_empty() {
        filters.push(body.text()?.to_owned());
    }
    Ok((id, filters, properties))
}
