//! The session, packet by packet.

use std::time::Duration;

use super::*;
use crate::mqtt::testing::message;
use crate::types::{PacketType, ReasonCode};

/// A session, what it sends, and the time.
struct Peer {
    session: Session,
    out: SendBuffer,
    now: Instant,
}

fn peer(version: Protocol) -> Peer {
    let now = Instant::now();
    Peer { session: Session::new(version, None, now), out: SendBuffer::default(), now }
}

fn packet(version: Protocol) -> ConnectPacket {
    ConnectPacket {
        version,
        bridge: false,
        client_id: "c".into(),
        clean: false,
        keepalive: 10,
        will: None,
        credentials: None,
        properties: Properties::new(),
    }
}

fn connack(session_present: bool) -> Connack {
    Connack { session_present, code: ReasonCode::new(PacketType::Connack, 0), properties: Properties::new() }
}

fn ack(id: u16) -> Ack {
    Ack { id, code: 0, properties: Properties::new() }
}

fn publish(id: u16, qos: Qos, dup: bool) -> Packet {
    Packet::Publish(Publish {
        topic: "t".into(),
        payload: Vec::new(),
        qos,
        retain: false,
        dup,
        id,
        properties: Properties::new(),
    })
}

impl Peer {
    fn connect_to(&mut self, server: &str, session_present: bool) {
        self.session.disconnected(Loss::Ours, self.out.written(), self.now);
        self.out.reset();
        let packet = packet(self.session.version);
        self.session.connect(&packet, self.now, &mut self.out);
        self.sent();
        self.session.connected(server.into(), &connack(session_present));
        while let Some(sequence) = self.session.next_to_resume() {
            assert!(self.session.resume(sequence, self.now, &mut self.out).is_ok());
        }
    }

    fn connect(&mut self, session_present: bool) {
        self.connect_to("broker", session_present);
    }

    fn publish(&mut self, sequence: u64, qos: Qos) {
        assert!(self.session.publish(message(sequence, qos), self.now, &mut self.out).is_ok());
    }

    fn receive(&mut self, packet: Packet) -> Result<Option<Received>, ProtocolError> {
        self.session.receive(packet, self.now, &mut self.out)
    }

    /// The sequence of the message that `packet` finishes.
    fn finishes(&mut self, packet: Packet) -> Option<(u64, u8)> {
        match self.receive(packet) {
            Ok(Some(Received::Published { message, code, .. })) => Some((message.sequence, code)),
            _ => None,
        }
    }

    /// What has been sent since the last call: the first byte and the packet id of each packet.
    fn sent(&mut self) -> Vec<(u8, u16)> {
        let mut bytes = Vec::new();
        self.out.write_to(&mut bytes).expect("a Vec takes all");
        let (mut rest, mut seen) = (bytes.as_slice(), Vec::new());
        while let [first, len, body @ ..] = rest {
            let (body, next) = body.split_at(usize::from(*len));
            let id_at = if first >> 4 == kind::PUBLISH { 3 } else { 0 };
            seen.push((*first, body.get(id_at..id_at + 2).map_or(0, |id| u16::from_be_bytes([id[0], id[1]]))));
            rest = next;
        }
        seen
    }
}

#[test]
fn qos_1_ends_with_puback_and_qos_2_with_pubcomp() {
    for version in [Protocol::V311, Protocol::V5] {
        let mut peer = peer(version);
        peer.connect(false);
        peer.publish(1, Qos::AtLeastOnce);
        peer.publish(2, Qos::ExactlyOnce);
        assert_eq!(peer.sent(), [(0x32, 1), (0x34, 2)]);
        assert_eq!(peer.finishes(Packet::Puback(ack(1))), Some((1, 0)));
        assert_eq!(peer.finishes(Packet::Pubrec(ack(2))), None);
        assert_eq!(peer.sent(), [(0x62, 2)]);
        assert_eq!(peer.finishes(Packet::Pubcomp(ack(2))), Some((2, 0)));
        assert!(peer.session.outgoing.is_empty());
    }
}

#[test]
fn a_refusal_ends_an_exchange_with_its_code() {
    let mut peer = peer(Protocol::V5);
    peer.connect(false);
    peer.publish(1, Qos::AtLeastOnce);
    peer.publish(2, Qos::ExactlyOnce);
    peer.sent();
    assert_eq!(peer.finishes(Packet::Pubrec(Ack { code: 0x87, ..ack(2) })), Some((2, 0x87)));
    assert_eq!(peer.finishes(Packet::Puback(Ack { code: 0x97, ..ack(1) })), Some((1, 0x97)));
    assert!(peer.sent().is_empty(), "nothing is released");
}

#[test]
fn a_broker_without_qos_2_may_end_it_with_puback() {
    let mut peer = peer(Protocol::V311);
    peer.connect(false);
    peer.publish(1, Qos::ExactlyOnce);
    assert_eq!(peer.finishes(Packet::Puback(ack(1))), Some((1, 0)));
}

#[test]
fn answers_that_nobody_asked_for_are_ignored_and_wrong_ones_refused() {
    let mut peer = peer(Protocol::V5);
    peer.connect(false);
    for packet in [Packet::Puback(ack(9)), Packet::Pubcomp(ack(9))] {
        assert!(matches!(peer.receive(packet), Ok(None)));
    }
    assert!(peer.sent().is_empty());
    assert!(matches!(peer.receive(Packet::Pubrec(ack(9))), Ok(None)));
    assert_eq!(peer.sent(), [(0x62, 9)], "the broker can forget it");
    peer.publish(1, Qos::AtLeastOnce);
    peer.publish(2, Qos::ExactlyOnce);
    assert!(peer.receive(Packet::Pubrec(ack(1))).is_err());
    assert!(peer.receive(Packet::Pubcomp(ack(2))).is_err(), "before PUBREC");
    assert!(peer.receive(Packet::Connack(connack(false))).is_err());
}

#[test]
fn an_exchange_goes_on_where_the_broker_has_kept_the_session() {
    let mut peer = peer(Protocol::V5);
    peer.connect(false);
    (1..=3).for_each(|sequence| peer.publish(sequence, Qos::ExactlyOnce));
    peer.finishes(Packet::Pubrec(ack(1)));
    peer.finishes(Packet::Pubrec(ack(2)));
    peer.sent();
    peer.connect(true);
    assert_eq!(peer.sent(), [(0x62, 1), (0x62, 2), (0x3c, 3)]);
    assert_eq!(peer.finishes(Packet::Pubcomp(ack(2))), Some((2, 0)));
    assert_eq!(peer.finishes(Packet::Pubcomp(Ack { code: 0x92, ..ack(1) })), Some((1, 0)), "it was complete before");
}

#[test]
fn without_a_session_everything_is_published_again() {
    // MQTT 3.1.1 with DUP, as paho-python does; MQTT 5 as if for the first time.
    for (version, first) in [(Protocol::V311, 0x3c), (Protocol::V5, 0x34)] {
        let mut peer = peer(version);
        peer.connect(false);
        peer.publish(1, Qos::ExactlyOnce);
        peer.finishes(Packet::Pubrec(ack(1)));
        peer.sent();
        peer.connect(false);
        assert_eq!(peer.sent(), [(first, 1)]);
    }
}

#[test]
fn an_id_stands_for_one_message_where_the_session_ends_with_the_connection() {
    // What CONNECT asks for, what CONNACK makes of it, and whether the session is an earlier connection's.
    for (version, clean, asked, given, present, by_content) in [
        (Protocol::V311, true, None, None, false, false),
        (Protocol::V311, false, None, None, false, true),
        (Protocol::V5, true, None, None, false, false),
        (Protocol::V5, true, Some(0), None, false, false),
        (Protocol::V5, true, Some(9), None, false, true),
        (Protocol::V5, true, Some(9), Some(0), false, false),
        (Protocol::V5, true, None, Some(9), false, true),
        (Protocol::V5, false, None, None, true, true),
    ] {
        let mut peer = peer(version);
        if present {
            peer.connect(false);
        }
        let (mut packet, mut connack) = (packet(version), connack(present));
        packet.clean = clean;
        packet.properties.session_expiry_interval = asked;
        connack.properties.session_expiry_interval = given;
        peer.session.disconnected(Loss::Ours, peer.out.written(), peer.now);
        peer.session.connect(&packet, peer.now, &mut peer.out);
        peer.session.connected("broker".into(), &connack);
        let mut is_new = |payload: &[u8], dup| {
            let Packet::Publish(message) = publish(5, Qos::AtLeastOnce, dup) else { panic!("a PUBLISH") };
            let message = Publish { payload: payload.to_vec(), ..message };
            peer.receive(Packet::Publish(message)).expect("valid").is_some()
        };
        assert!(is_new(b"one", false));
        assert_eq!(is_new(b"two", true), by_content, "{version:?}, {clean}, {asked:?}, {given:?}, {present}");
    }
}

#[test]
fn a_session_belongs_to_a_broker() {
    for version in [Protocol::V311, Protocol::V5] {
        let mut peer = peer(version);
        peer.connect_to("a", false);
        peer.publish(1, Qos::ExactlyOnce);
        peer.finishes(Packet::Pubrec(ack(1)));
        peer.receive(publish(7, Qos::ExactlyOnce, false)).expect("allowed");
        peer.session.acknowledge(1, &mut peer.out);
        peer.sent();
        peer.connect_to("b", true);
        assert_eq!(peer.sent(), [(0x34, 1)], "{version}: not PUBREL alone, and no DUP");
        let received = peer.receive(publish(7, Qos::ExactlyOnce, false)).expect("allowed");
        assert!(
            matches!(received, Some(Received::Message(message)) if message.number == 2),
            "another broker's message 7"
        );
    }
}

#[test]
fn messages_are_acknowledged_when_their_callbacks_have_returned() {
    let mut peer = peer(Protocol::V311);
    peer.connect(false);
    for (id, qos) in [(1, Qos::AtLeastOnce), (2, Qos::ExactlyOnce)] {
        let received = peer.receive(publish(id, qos, false)).expect("allowed");
        assert!(matches!(received, Some(Received::Message(message)) if message.number == u64::from(id)));
    }
    assert!(peer.sent().is_empty());
    peer.session.acknowledge(2, &mut peer.out);
    assert_eq!(peer.sent(), [(0x40, 1), (0x50, 2)]);
    assert!(matches!(peer.receive(publish(2, Qos::ExactlyOnce, true)), Ok(None)));
    peer.receive(Packet::Pubrel(ack(2))).expect("allowed");
    assert_eq!(peer.sent(), [(0x50, 2), (0x70, 2)]);
}

#[test]
fn our_own_receive_maximum_is_enforced() {
    let mut peer = peer(Protocol::V5);
    let mut with = packet(Protocol::V5);
    with.properties.receive_maximum = Some(2);
    peer.session.connect(&with, peer.now, &mut peer.out);
    peer.session.connected("broker".into(), &connack(false));
    for id in 1..=2 {
        assert!(peer.receive(publish(id, Qos::AtLeastOnce, false)).is_ok());
    }
    peer.session.acknowledge(1, &mut peer.out);
    assert!(peer.receive(publish(3, Qos::AtLeastOnce, false)).is_ok());
    assert_eq!(peer.receive(publish(4, Qos::AtLeastOnce, false)).map_err(|error| error.code).err(), Some(0x93));
}

#[test]
fn before_mqtt_5_there_is_no_receive_maximum() {
    let mut peer = peer(Protocol::V311);
    peer.connect(false);
    for _ in 0..=u16::MAX {
        assert!(matches!(peer.receive(publish(9, Qos::AtLeastOnce, false)), Ok(Some(_))));
    }
}

#[test]
fn aliases_of_the_broker_are_resolved() {
    let mut peer = peer(Protocol::V5);
    let mut with = packet(Protocol::V5);
    with.properties.topic_alias_maximum = Some(2);
    peer.session.connect(&with, peer.now, &mut peer.out);
    peer.session.connected("broker".into(), &connack(false));
    let aliased = |topic: &str, alias| {
        let Packet::Publish(mut publish) = publish(0, Qos::AtMostOnce, false) else { unreachable!() };
        publish.topic = topic.into();
        publish.properties.topic_alias = Some(alias);
        Packet::Publish(publish)
    };
    for topic in ["serre", ""] {
        let received = peer.receive(aliased(topic, 2)).expect("allowed");
        assert!(matches!(received, Some(Received::Message(message)) if message.topic == "serre"));
    }
    for wrong in [aliased("", 1), aliased("t", 3)] {
        assert_eq!(peer.receive(wrong).map_err(|error| error.code).err(), Some(0x94));
    }
}

#[test]
fn a_session_after_a_clean_start_is_refused() {
    let mut peer = peer(Protocol::V5);
    let mut with = packet(Protocol::V5);
    with.clean = true;
    peer.session.connect(&with, peer.now, &mut peer.out);
    assert!(peer.session.check_connack(&connack(true)).is_err());
    assert!(peer.session.check_connack(&connack(false)).is_ok());
}

#[test]
fn the_keep_alive_pings_and_gives_up() {
    let mut peer = peer(Protocol::V311);
    peer.connect(false);
    let start = peer.now;
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(peer.session.next_timeout(), Some(after(10)));
    assert!(!peer.session.timeout(after(10), &mut peer.out));
    assert_eq!(peer.sent(), [(0xc0, 0)]);
    assert!(peer.session.timeout(after(20), &mut peer.out));
}

#[test]
fn requests_are_answered_once_with_a_code_for_each_filter() {
    let mut peer = peer(Protocol::V5);
    peer.connect(false);
    let filters = crate::mqtt::Filters::Subscribe(vec![("a".into(), 1.into()), ("b".into(), 0.into())]);
    let request = Request { sequence: 5, filters, properties: Properties::new() };
    assert!(peer.session.request(request, &mut peer.out).is_ok());
    assert_eq!(peer.sent(), [(0x82, 5)]);
    let answer = |codes: &[u8]| FilterAck { id: 5, codes: codes.to_vec(), properties: Properties::new() };
    assert!(peer.receive(Packet::Suback(answer(&[0]))).is_err());
    assert!(peer.receive(Packet::Unsuback(answer(&[0, 0]))).is_err());
    assert!(matches!(peer.receive(Packet::Suback(answer(&[1, 0x87]))), Ok(Some(Received::Answered { .. }))));
    assert!(matches!(peer.receive(Packet::Suback(answer(&[1, 0]))), Ok(None)));
}
