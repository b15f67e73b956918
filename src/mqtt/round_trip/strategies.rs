//! Packets made up at random, each as the standard allows it.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::mqtt::{Ack, Connack, ConnectPacket, Credentials, FilterAck, Packet, Publish, Will};
use crate::types::{
    PacketType, Properties, PropertyFields, Protocol, Qos, ReasonCode, RetainHandling, SubscribeOptions,
};

pub(super) fn version() -> impl Strategy<Value = Protocol> {
    prop_oneof![Just(Protocol::V311), Just(Protocol::V5)]
}

fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,30}"
}

pub(super) fn filter() -> impl Strategy<Value = String> {
    "[^\0]{1,30}"
}

fn topic() -> impl Strategy<Value = String> {
    "[^\0+#]{1,30}"
}

fn binary() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn qos() -> impl Strategy<Value = Qos> {
    prop_oneof![Just(Qos::AtMostOnce), Just(Qos::AtLeastOnce), Just(Qos::ExactlyOnce)]
}

pub(super) fn options() -> impl Strategy<Value = SubscribeOptions> {
    use RetainHandling::{DoNotSend, SendIfNew, SendOnSubscribe};
    let handling = prop_oneof![Just(SendOnSubscribe), Just(SendIfNew), Just(DoNotSend)];
    (qos(), any::<bool>(), any::<bool>(), handling).prop_map(|(qos, no_local, as_published, handling)| {
        SubscribeOptions::from(qos).no_local(no_local).retain_as_published(as_published).retain_handling(handling)
    })
}

fn user_property() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), text()), 0..3)
}

/// Those that a message and a will have.
fn message_fields() -> impl Strategy<Value = PropertyFields> {
    let texts = (of(text()), of(text()), of(binary()), user_property());
    let numbers = (of(0..=1_u8), of(any::<u32>()), vec(1..=268_435_455_u32, 0..3), of(1..=u16::MAX));
    (texts, numbers).prop_map(|((content_type, response_topic, correlation_data, user_property), numbers)| {
        let (payload_format_indicator, message_expiry_interval, subscription_identifier, topic_alias) = numbers;
        PropertyFields {
            content_type,
            response_topic,
            correlation_data,
            user_property,
            payload_format_indicator,
            message_expiry_interval,
            subscription_identifier,
            topic_alias,
            ..PropertyFields::default()
        }
    })
}

/// Those that a CONNACK has.
fn connack_fields() -> impl Strategy<Value = PropertyFields> {
    let texts = (of(text()), of(text()), of(binary()), of(text()), of(text()), of(text()), user_property());
    let numbers =
        (of(any::<u32>()), of(any::<u16>()), of(1..=u16::MAX), of(any::<u16>()), of(0..=1_u8), of(1..=u32::MAX));
    let flags = (of(any::<bool>()), of(any::<bool>()), of(any::<bool>()), of(any::<bool>()));
    (texts, numbers, flags).prop_map(|(texts, numbers, flags)| PropertyFields {
        assigned_client_identifier: texts.0,
        authentication_method: texts.1,
        authentication_data: texts.2,
        response_information: texts.3,
        server_reference: texts.4,
        reason_string: texts.5,
        user_property: texts.6,
        session_expiry_interval: numbers.0,
        server_keep_alive: numbers.1,
        receive_maximum: numbers.2,
        topic_alias_maximum: numbers.3,
        maximum_qos: numbers.4,
        maximum_packet_size: numbers.5,
        retain_available: flags.0,
        wildcard_subscription_available: flags.1,
        subscription_identifier_available: flags.2,
        shared_subscription_available: flags.3,
        ..PropertyFields::default()
    })
}

/// All 27 of them.
pub(super) fn any_properties() -> impl Strategy<Value = Properties> {
    let others = (of(any::<bool>()), of(any::<u32>()), of(any::<bool>()));
    let all = (message_fields(), connack_fields(), others).prop_map(|(message, connack, others)| {
        Properties::from(PropertyFields {
            payload_format_indicator: message.payload_format_indicator,
            message_expiry_interval: message.message_expiry_interval,
            content_type: message.content_type,
            response_topic: message.response_topic,
            correlation_data: message.correlation_data,
            subscription_identifier: message.subscription_identifier,
            topic_alias: message.topic_alias,
            request_problem_information: others.0,
            will_delay_interval: others.1,
            request_response_information: others.2,
            ..connack
        })
    });
    prop_oneof![1 => Just(Properties::new()), 4 => all]
}

/// Those that a broker may send in `packet`.
pub(super) fn server_properties(packet: PacketType) -> BoxedStrategy<Properties> {
    let fields = match packet {
        PacketType::Connack => connack_fields().boxed(),
        PacketType::Publish => message_fields().boxed(),
        _ => (of(text()), of(text()), user_property())
            .prop_map(move |(reason_string, server_reference, user_property)| PropertyFields {
                reason_string,
                server_reference: server_reference.filter(|_| packet == PacketType::Disconnect),
                user_property,
                ..PropertyFields::default()
            })
            .boxed(),
    };
    prop_oneof![1 => Just(Properties::new()), 1 => fields.prop_map(Properties::from)].boxed()
}

/// Properties as above in MQTT 5, none before.
fn properties(version: Protocol, packet: PacketType) -> BoxedStrategy<Properties> {
    match version {
        Protocol::V5 => server_properties(packet),
        Protocol::V31 | Protocol::V311 => Just(Properties::new()).boxed(),
    }
}

pub(super) fn message(version: Protocol) -> impl Strategy<Value = Publish> {
    let large = (any::<u8>(), 1..20_000_usize).prop_map(|(byte, len)| vec![byte; len]);
    let payload = prop_oneof![vec(any::<u8>(), 0..200), large];
    let flags = (qos(), any::<bool>(), any::<bool>(), 1..=u16::MAX);
    let parts = (topic(), payload, flags, properties(version, PacketType::Publish), any::<bool>());
    parts.prop_map(|(topic, payload, (qos, retain, dup, id), properties, by_alias)| Publish {
        topic: if by_alias && properties.topic_alias.is_some() { String::new() } else { topic },
        payload,
        qos,
        retain,
        dup: dup && qos != Qos::AtMostOnce,
        id: if qos == Qos::AtMostOnce { 0 } else { id },
        properties,
    })
}

fn ack(version: Protocol, packet: PacketType) -> impl Strategy<Value = Ack> {
    let code = if version == Protocol::V5 { any::<u8>().boxed() } else { Just(0).boxed() };
    (1..=u16::MAX, code, properties(version, packet)).prop_map(|(id, code, properties)| Ack { id, code, properties })
}

fn filter_ack(version: Protocol, packet: PacketType) -> impl Strategy<Value = FilterAck> {
    let codes = match (version, packet) {
        (Protocol::V5, _) => vec(any::<u8>(), 1..6).boxed(),
        (_, PacketType::Suback) => vec(prop::sample::select(vec![0, 1, 2, 0x80]), 1..6).boxed(),
        _ => Just(Vec::new()).boxed(),
    };
    let parts = (1..=u16::MAX, codes, properties(version, packet));
    parts.prop_map(|(id, codes, properties)| FilterAck { id, codes, properties })
}

fn connack(version: Protocol) -> impl Strategy<Value = Connack> {
    let refusal = match version {
        Protocol::V5 => (0x80..=0xff_u8).boxed(),
        Protocol::V31 | Protocol::V311 => prop::sample::select(vec![128, 132, 133, 134, 135, 136]).boxed(),
    };
    let code = prop_oneof![Just(0), refusal];
    (any::<bool>(), code, properties(version, PacketType::Connack)).prop_map(|(present, code, properties)| Connack {
        session_present: present && code == 0,
        code: ReasonCode::new(PacketType::Connack, code),
        properties,
    })
}

fn packet(version: Protocol) -> BoxedStrategy<Packet> {
    let disconnect = (any::<u8>(), properties(version, PacketType::Disconnect))
        .prop_map(|(code, properties)| Packet::Disconnect { code, properties });
    let both = prop_oneof![
        4 => message(version).prop_map(Packet::Publish),
        1 => connack(version).prop_map(Packet::Connack),
        1 => ack(version, PacketType::Puback).prop_map(Packet::Puback),
        1 => ack(version, PacketType::Pubrec).prop_map(Packet::Pubrec),
        1 => ack(version, PacketType::Pubrel).prop_map(Packet::Pubrel),
        1 => ack(version, PacketType::Pubcomp).prop_map(Packet::Pubcomp),
        1 => filter_ack(version, PacketType::Suback).prop_map(Packet::Suback),
        1 => filter_ack(version, PacketType::Unsuback).prop_map(Packet::Unsuback),
        1 => Just(Packet::Pingresp),
    ];
    match version {
        Protocol::V5 => prop_oneof![12 => both, 1 => disconnect].boxed(),
        Protocol::V31 | Protocol::V311 => both.boxed(),
    }
}

pub(super) fn packets(version: Protocol) -> impl Strategy<Value = Vec<Packet>> {
    vec(packet(version), 1..6)
}

fn will(version: Protocol) -> impl Strategy<Value = Will> {
    let parts = (topic(), binary(), qos(), any::<bool>(), client_properties(version));
    parts.prop_map(|(topic, payload, qos, retain, properties)| Will { topic, payload, qos, retain, properties })
}

/// What a client may send where is checked before it is encoded, so anything may be.
fn client_properties(version: Protocol) -> BoxedStrategy<Properties> {
    if version == Protocol::V5 { any_properties().boxed() } else { Just(Properties::new()).boxed() }
}

pub(super) fn connect_packet() -> impl Strategy<Value = ConnectPacket> {
    prop_oneof![1 => Just(Protocol::V31), 3 => version()].prop_flat_map(|version| {
        let credentials = (text(), of(binary())).prop_map(|(user, password)| Credentials { user, password });
        let head = (text(), any::<bool>(), any::<u16>(), any::<bool>());
        (head, of(will(version)), of(credentials), client_properties(version)).prop_map(
            move |((client_id, clean, keepalive, bridge), will, credentials, properties)| ConnectPacket {
                version,
                bridge,
                client_id,
                clean,
                keepalive,
                will,
                credentials,
                properties,
            },
        )
    })
}
