//! Bytes from a broker in, checked packets out.
//!
//! A packet that stands whole in the bytes given is read from there. The beginning of one is kept until its rest comes,
//! except a payload, which grows in the message it belongs to: it is the only part that may be large.

use crate::mqtt::fixed_header::FixedHeader;
use crate::mqtt::publish::{self, publish};
use crate::mqtt::{
    Ack, Connack, FilterAck, ProtocolError, Publish, Reader, acks, connect, disconnect, kind, subscribe,
};
use crate::types::{PacketType, Properties, Protocol};

/// What a broker sends (MQTT 5, chapter 3).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Packet {
    Connack(Connack),
    Publish(Publish),
    Puback(Ack),
    Pubrec(Ack),
    Pubrel(Ack),
    Pubcomp(Ack),
    Suback(FilterAck),
    Unsuback(FilterAck),
    Pingresp,
    Disconnect { code: u8, properties: Properties },
}

/// Everything but a message's payload must fit in here.
const MAX_BUFFERED: usize = 1024 * 1024;

/// How much a buffer may hold on to when it is empty again.
const MAX_KEPT: usize = 4096;

/// The least room that is made at once for a payload of which more is to come.
const PAYLOAD_STEP: usize = 64 * 1024;

/// Takes the bytes of one connection apart.
#[derive(Debug)]
pub(crate) struct Decoder {
    version: Protocol,
    /// The largest packet accepted, in bytes.
    max_packet: usize,
    /// The first packet has begun.
    started: bool,
    /// The beginning of a packet whose rest has not come; of a PUBLISH, at most what stands before the payload.
    partial: Vec<u8>,
    /// The message whose payload has not come whole.
    incoming: Option<Incoming>,
}

/// A message without the end of its payload.
#[derive(Debug)]
struct Incoming {
    publish: Publish,
    /// Bytes of the payload that have not come, never 0.
    missing: usize,
}

/// How far a packet could be read.
enum Progress {
    /// So many bytes are used up.
    Used(usize),
    /// To read on, there must be so many bytes of the packet, more than there are.
    Needs(usize),
}

impl Decoder {
    /// A decoder for a new connection. A packet larger than `max_packet` bytes, fixed header included, is refused.
    pub(crate) fn new(version: Protocol, max_packet: usize) -> Self {
        Decoder { version, max_packet, started: false, partial: Vec::new(), incoming: None }
    }

    /// Gives every packet that is whole to `take`, in the order of the wire.
    ///
    /// Stops at the first error, its own or that of `take`; the connection must end then. Otherwise all `bytes` are
    /// used up.
    pub(crate) fn feed<E: From<ProtocolError>>(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(Packet) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check_start(bytes)?;
        while !bytes.is_empty() {
            if let Some(incoming) = &mut self.incoming {
                incoming.take(&mut bytes);
                if let Some(whole) = self.incoming.take_if(|incoming| incoming.missing == 0) {
                    take(Packet::Publish(whole.publish))?;
                }
            } else if !self.partial.is_empty() {
                self.complete_partial(&mut bytes, &mut take)?;
            } else if let Progress::Used(len) = self.read(bytes, &mut take)? {
                bytes = &bytes[len..];
            } else {
                self.partial.extend_from_slice(bytes);
                break;
            }
        }
        Ok(())
    }

    /// Refuses a peer that is no broker by its first byte: the length it seems to announce might never come.
    fn check_start(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        match bytes.first() {
            Some(&first) if !self.started && first != kind::CONNACK << 4 => {
                Err(ProtocolError::protocol("its first packet is not a CONNACK"))
            }
            Some(_) => {
                self.started = true;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Reads the packet whose beginning is kept: it is given no more of `bytes` than it needs.
    fn complete_partial<E: From<ProtocolError>>(
        &mut self,
        bytes: &mut &[u8],
        take: &mut impl FnMut(Packet) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut partial = std::mem::take(&mut self.partial);
        while let Progress::Needs(len) = self.read(&partial, take)? {
            if bytes.is_empty() {
                self.partial = partial;
                return Ok(());
            }
            let count = (len - partial.len()).min(bytes.len());
            partial.extend_from_slice(split_off(bytes, count));
        }
        if partial.capacity() <= MAX_KEPT {
            partial.clear();
            self.partial = partial;
        }
        Ok(())
    }

    /// Reads the packet at the front of `bytes` as far as it has come, and gives it to `take` if it is whole.
    fn read<E: From<ProtocolError>>(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(Packet) -> Result<(), E>,
    ) -> Result<Progress, E> {
        let Some(header) = FixedHeader::read(bytes)? else {
            return Ok(Progress::Needs(bytes.len() + 1));
        };
        header.check(self.version)?;
        if header.packet_len() > self.max_packet {
            return Err(ProtocolError::too_large("a packet is larger than the client accepts").into());
        }
        let here = &bytes[header.len..header.packet_len().min(bytes.len())];
        if header.kind() == kind::PUBLISH {
            return self.read_publish(header, here, take);
        }
        if header.body > MAX_BUFFERED {
            return Err(ProtocolError::too_large("a packet without payload is larger than a megabyte").into());
        }
        if here.len() < header.body {
            return Ok(Progress::Needs(header.packet_len()));
        }
        take(packet(self.version, header, here)?)?;
        Ok(Progress::Used(header.packet_len()))
    }

    /// Reads a PUBLISH; `here` is what has come of its body.
    fn read_publish<E: From<ProtocolError>>(
        &mut self,
        header: FixedHeader,
        here: &[u8],
        take: &mut impl FnMut(Packet) -> Result<(), E>,
    ) -> Result<Progress, E> {
        let needed = publish::needed(self.version, header, here)?;
        if needed > MAX_BUFFERED {
            return Err(ProtocolError::too_large("the properties of a message are larger than a megabyte").into());
        }
        if needed > here.len() {
            return Ok(Progress::Needs(header.len + needed));
        }
        let mut body = Reader::new(here);
        let mut publish = publish(self.version, header, &mut body)?;
        let payload = body.remainder();
        let missing = header.body - here.len();
        publish.payload.reserve_exact(payload.len() + missing.min(PAYLOAD_STEP));
        publish.payload.extend_from_slice(payload);
        match missing {
            0 => take(Packet::Publish(publish))?,
            _ => self.incoming = Some(Incoming { publish, missing }),
        }
        Ok(Progress::Used(header.len + here.len()))
    }
}

impl Incoming {
    /// Takes what belongs to the payload off the front of `bytes`.
    ///
    /// Room is made for what comes, not for what is announced: at most as much again as there is.
    fn take(&mut self, bytes: &mut &[u8]) {
        let payload = &mut self.publish.payload;
        let here = split_off(bytes, self.missing.min(bytes.len()));
        if payload.capacity() - payload.len() < here.len() {
            payload.reserve_exact(self.missing.min(payload.len().max(PAYLOAD_STEP)).max(here.len()));
        }
        payload.extend_from_slice(here);
        self.missing -= here.len();
    }
}

/// Takes the first `count` of `bytes`, of which there must be as many.
fn split_off<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (first, rest) = bytes.split_at(count);
    *bytes = rest;
    first
}

/// Reads a whole packet other than PUBLISH, whose fixed header has been checked.
fn packet(version: Protocol, header: FixedHeader, body: &[u8]) -> Result<Packet, ProtocolError> {
    let body = &mut Reader::new(body);
    let packet = match header.kind() {
        kind::CONNACK => Packet::Connack(connect::connack(version, body)?),
        kind::PUBACK => Packet::Puback(acks::ack(version, PacketType::Puback, body)?),
        kind::PUBREC => Packet::Pubrec(acks::ack(version, PacketType::Pubrec, body)?),
        kind::PUBREL => Packet::Pubrel(acks::ack(version, PacketType::Pubrel, body)?),
        kind::PUBCOMP => Packet::Pubcomp(acks::ack(version, PacketType::Pubcomp, body)?),
        kind::SUBACK => Packet::Suback(subscribe::suback(version, body)?),
        kind::UNSUBACK => Packet::Unsuback(subscribe::unsuback(version, body)?),
        kind::PINGRESP => Packet::Pingresp,
        kind::DISCONNECT => {
            let (code, properties) = disconnect::disconnect(version, body)?;
            Packet::Disconnect { code, properties }
        }
        _ => return Err(ProtocolError::protocol("a packet of a type that brokers do not send")),
    };
    if !body.is_empty() {
        return Err(ProtocolError::malformed("a packet is longer than its contents"));
    }
    Ok(packet)
}

#[cfg(test)]
mod tests;
