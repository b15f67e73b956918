//! A broker in memory that takes everything, confirms it at once, and remembers what was published: for programs that test
//! their own callbacks.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use crate::mqtt::fixed_header::FixedHeader;
use crate::mqtt::writer::Writer;
use crate::mqtt::{ProtocolError, PublishHeader, Reader, kind, properties, short_ack};
use crate::types::{Message, Protocol, Qos};

/// A broker in memory, as its connection sees it: only a program that uses one has to contain it.
pub(crate) trait MemoryBroker: fmt::Debug + Send {
    /// A connection begins.
    fn connect(&mut self);

    /// Takes what the client sends.
    fn take(&mut self, bytes: &[u8]);

    /// Whether there is something for the client, or the end of the connection.
    fn has_more(&self) -> bool;

    /// Fills `buffer` with what there is for the client; `Some(0)` is the end, `None` nothing for now.
    fn give(&mut self, buffer: &mut [u8]) -> Option<usize>;
}

/// What goes to the broker and comes from it, over any number of connections.
#[derive(Default)]
pub(crate) struct Tape {
    version: Protocol,
    /// The beginning of a packet whose rest has not come.
    partial: Vec<u8>,
    /// Bytes for the client.
    answers: VecDeque<u8>,
    /// DISCONNECT has come.
    is_over: bool,
    published: Vec<Message>,
    subscriptions: Vec<String>,
    /// The topics that aliases stand for.
    aliases: HashMap<u16, String>,
    last_id: u16,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("published", &self.published).finish_non_exhaustive()
    }
}

impl MemoryBroker for Tape {
    fn connect(&mut self) {
        self.partial.clear();
        self.answers.clear();
        self.aliases.clear();
        self.is_over = false;
    }

    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let mut bytes = std::mem::take(&mut self.partial);
        let mut used = 0;
        while let Ok(Some(header)) = FixedHeader::read(&bytes[used..]) {
            let Some(packet) = bytes.get(used..used + header.packet_len()) else {
                break;
            };
            // The client encodes what it has checked; what cannot be read has nothing to say.
            let _ = self.packet(header, &mut Reader::new(&packet[header.len..]));
            used += header.packet_len();
        }
        bytes.drain(..used);
        self.partial = bytes;
    }

    fn has_more(&self) -> bool {
        self.is_over || !self.answers.is_empty()
    }

    fn give(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let count = self.answers.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(self.answers.drain(..count)) {
            *place = byte;
        }
        (count > 0 || self.is_over).then_some(count)
    }
}

impl Tape {
    fn packet(&mut self, header: FixedHeader, body: &mut Reader<'_>) -> Result<(), ProtocolError> {
        match header.kind() {
            kind::CONNECT => {
                body.binary()?;
                self.version = match body.u8()? & 0x7f {
                    5 => Protocol::V5,
                    3 => Protocol::V31,
                    _ => Protocol::V311,
                };
                self.answer(kind::CONNACK << 4, &[0, 0], &[]);
            }
            kind::PUBLISH => self.publish(header, body)?,
            kind::PUBREC => self.answers.extend(short_ack(kind::PUBREL, body.packet_id()?)),
            kind::PUBREL => self.answers.extend(short_ack(kind::PUBCOMP, body.packet_id()?)),
            kind::SUBSCRIBE => {
                let (id, mut codes) = (body.packet_id()?, Vec::new());
                self.skip_properties(body)?;
                while !body.is_empty() {
                    let filter = body.text()?.to_owned();
                    codes.push(body.u8()? & 3);
                    self.subscriptions.retain(|known| *known != filter);
                    self.subscriptions.push(filter);
                }
                self.answer(kind::SUBACK << 4, &id.to_be_bytes(), &codes);
            }
            kind::UNSUBSCRIBE => {
                let (id, mut codes) = (body.packet_id()?, Vec::new());
                self.skip_properties(body)?;
                while !body.is_empty() {
                    let filter = body.text()?;
                    self.subscriptions.retain(|known| known != filter);
                    codes.extend((self.version == Protocol::V5).then_some(0));
                }
                self.answer(kind::UNSUBACK << 4, &id.to_be_bytes(), &codes);
            }
            kind::PINGREQ => self.answers.extend([kind::PINGRESP << 4, 0]),
            kind::DISCONNECT => self.is_over = true,
            _ => {}
        }
        Ok(())
    }

    fn skip_properties(&self, body: &mut Reader<'_>) -> Result<(), ProtocolError> {
        if self.version == Protocol::V5 {
            properties::decode(body, &|_| true)?;
        }
        Ok(())
    }

    fn publish(&mut self, header: FixedHeader, body: &mut Reader<'_>) -> Result<(), ProtocolError> {
        let qos = Qos::try_from(i32::from(header.flags() >> 1 & 3)).unwrap_or_default();
        let mut topic = body.text()?.to_owned();
        let id = if qos == Qos::AtMostOnce { 0 } else { body.packet_id()? };
        let properties = match self.version {
            Protocol::V5 => properties::decode(body, &|_| true)?,
            Protocol::V31 | Protocol::V311 => crate::types::Properties::new(),
        };
        if let Some(alias) = properties.topic_alias {
            match topic.is_empty() {
                true => topic = self.aliases.get(&alias).cloned().unwrap_or_default(),
                false => drop(self.aliases.insert(alias, topic.clone())),
            }
        }
        match qos {
            Qos::AtMostOnce => {}
            Qos::AtLeastOnce => self.answers.extend(short_ack(kind::PUBACK, id)),
            Qos::ExactlyOnce => self.answers.extend(short_ack(kind::PUBREC, id)),
        }
        let message = Message::new(topic, body.remainder()).with_qos(qos).with_mid(id).with_properties(properties);
        self.published.push(message.with_retain(header.flags() & 1 == 1).with_dup(header.flags() & 8 == 8));
        Ok(())
    }

    /// A packet for the client, with empty properties between `head` and `tail` in MQTT 5.
    fn answer(&mut self, first: u8, head: &[u8], tail: &[u8]) {
        let none: &[u8] = if self.version == Protocol::V5 { &[0] } else { &[] };
        let mut packet = vec![first];
        packet.varint(head.len() + none.len() + tail.len());
        for part in [head, none, tail] {
            packet.bytes(part);
        }
        self.answers.extend(packet);
    }

    /// Sends the client a message, at its QoS.
    pub(crate) fn deliver(&mut self, message: &Message) {
        self.last_id = self.last_id % u16::MAX + 1;
        let header = PublishHeader {
            topic: &message.topic,
            qos: message.qos,
            retain: message.retain,
            dup: message.dup && message.qos != Qos::AtMostOnce,
            id: self.last_id,
            properties: &message.properties,
            payload_len: message.payload.len(),
        };
        let mut packet = Vec::new();
        header.encode(self.version, &mut packet);
        self.answers.extend(packet);
        self.answers.extend(&message.payload);
    }

    pub(crate) fn published(&self) -> Vec<Message> {
        self.published.clone()
    }

    pub(crate) fn subscriptions(&self) -> Vec<String> {
        self.subscriptions.clone()
    }
}
