//! From bytes to packets of a client.
//!
//! Strict about structure, without opinion about content (packet id 0, wildcards in a topic, a password without a
//! user): that is for the tests to assert. `mqttbytes` would not do: it cannot tell an empty password from none, wants
//! it to be UTF-8, and refuses the DISCONNECT of two bytes that MQTT 5 allows.

use super::packet::{Ack, Connect, Disconnect, Packet, Publish, Subscribe, Unsubscribe, Will};

/// The length of the first packet in `bytes`: header and body, or `None` while the header is not complete.
///
/// # Panics
/// When the remaining length has more than four bytes.
#[track_caller]
pub(super) fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let digits = bytes.iter().skip(1).take(4);
    let mut body = 0;
    for (index, byte) in digits.enumerate() {
        body |= usize::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            return Some((2 + index, body));
        }
    }
    assert!(bytes.len() < 5, "a remaining length of more than four bytes: {:02x?}", &bytes[..5]);
    None
}

/// Takes the whole packets from the front of what a broker has sent to a client of MQTT 3.1.1, and gives the messages
/// among them.
///
/// # Panics
/// When they are not MQTT.
#[track_caller]
pub fn take_messages(bytes: &mut Vec<u8>) -> Vec<Publish> {
    let mut messages = Vec::new();
    while let Some((header, body)) = lengths(bytes).filter(|(header, body)| header + body <= bytes.len()) {
        let packet: Vec<u8> = bytes.drain(..header + body).collect();
        if packet[0] >> 4 == 3 {
            match decode(packet[0], &packet[header..], 4) {
                Ok(Packet::Publish(message)) => messages.push(message),
                other => panic!("no PUBLISH: {other:?}"),
            }
        }
    }
    messages
}

/// Decodes a packet of a client of `level`, or says what is wrong. A CONNECT brings its own level.
pub(super) fn decode(first: u8, body: &[u8], level: u8) -> Result<Packet, &'static str> {
    let mut fields = Fields { bytes: body, level };
    let flags = first & 0x0f;
    // PUBLISH uses them all, PUBREL, SUBSCRIBE and UNSUBSCRIBE have the second one set.
    if first >> 4 != 3 && flags != if matches!(first >> 4, 6 | 8 | 10) { 2 } else { 0 } {
        return Err("wrong flags in the first byte");
    }
    let packet = match first >> 4 {
        1 => Packet::Connect(fields.connect()?),
        3 => Packet::Publish(fields.publish(flags)?),
        4 => Packet::PubAck(fields.ack()?),
        5 => Packet::PubRec(fields.ack()?),
        6 => Packet::PubRel(fields.ack()?),
        7 => Packet::PubComp(fields.ack()?),
        8 => Packet::Subscribe(fields.subscribe()?),
        10 => Packet::Unsubscribe(fields.unsubscribe()?),
        12 => Packet::PingReq,
        14 => Packet::Disconnect(fields.disconnect()?),
        15 if level == 5 => Packet::Auth(fields.disconnect()?),
        _ => return Err("a packet that no client sends"),
    };
    if fields.bytes.is_empty() { Ok(packet) } else { Err("bytes after the end of the packet") }
}

/// What is left of a body.
struct Fields<'a> {
    bytes: &'a [u8],
    level: u8,
}

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or("the packet ends too early")?;
        self.bytes = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        Ok(self.take(1)?[0])
    }

    fn two_bytes(&mut self) -> Result<u16, &'static str> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn binary(&mut self) -> Result<Vec<u8>, &'static str> {
        let length = self.two_bytes()?;
        Ok(self.take(usize::from(length))?.to_vec())
    }

    fn text(&mut self) -> Result<String, &'static str> {
        String::from_utf8(self.binary()?).map_err(|_| "a text that is not UTF-8")
    }

    fn properties(&mut self) -> Result<Vec<u8>, &'static str> {
        if self.level < 5 {
            return Ok(Vec::new());
        }
        let mut length = 0;
        for index in 0..4 {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok(self.take(length)?.to_vec());
            }
        }
        Err("a property length of more than four bytes")
    }

    fn connect(&mut self) -> Result<Connect, &'static str> {
        let name = self.text()?;
        let level = self.byte()?;
        let bridge = level & 0x80 != 0;
        self.level = level & 0x7f;
        if !matches!((name.as_str(), self.level), ("MQIsdp", 3) | ("MQTT", 4 | 5)) {
            return Err("an unknown protocol name or level");
        }
        let flags = self.byte()?;
        let flag = |bit: u8| flags & bit != 0;
        if flag(0x01) || (!flag(0x04) && flags & 0x38 != 0) {
            return Err("wrong connect flags");
        }
        let keepalive = self.two_bytes()?;
        let properties = self.properties()?;
        let client_id = self.text()?;
        let will = if flag(0x04) {
            let properties = self.properties()?;
            let (topic, payload) = (self.text()?, self.binary()?);
            Some(Will { topic, payload, qos: flags >> 3 & 3, retain: flag(0x20), properties })
        } else {
            None
        };
        let user = if flag(0x80) { Some(self.text()?) } else { None };
        let password = if flag(0x40) { Some(self.binary()?) } else { None };
        Ok(Connect {
            level: self.level,
            bridge,
            client_id,
            user,
            password,
            keepalive,
            clean: flag(0x02),
            will,
            properties,
        })
    }

    fn publish(&mut self, flags: u8) -> Result<Publish, &'static str> {
        let qos = flags >> 1 & 3;
        if qos == 3 {
            return Err("QoS 3");
        }
        let topic = self.text()?;
        let id = if qos > 0 { self.two_bytes()? } else { 0 };
        let properties = self.properties()?;
        let payload = self.take(self.bytes.len())?.to_vec();
        Ok(Publish { topic, payload, qos, retain: flags & 1 != 0, dup: flags & 8 != 0, id, properties })
    }

    fn ack(&mut self) -> Result<Ack, &'static str> {
        let id = self.two_bytes()?;
        let Disconnect { code, properties } = self.disconnect()?;
        Ok(Ack { id, code, properties })
    }

    /// A reason code and properties; MQTT 5 may leave out the properties, or both.
    fn disconnect(&mut self) -> Result<Disconnect, &'static str> {
        let absent = self.level < 5 || self.bytes.is_empty();
        let code = if absent { 0 } else { self.byte()? };
        let properties = if self.bytes.is_empty() { Vec::new() } else { self.properties()? };
        Ok(Disconnect { code, properties })
    }

    fn subscribe(&mut self) -> Result<Subscribe, &'static str> {
        let (id, properties) = (self.two_bytes()?, self.properties()?);
        let mut filters = Vec::new();
        while !self.bytes.is_empty() {
            filters.push((self.text()?, self.byte()?));
        }
        Ok(Subscribe { id, filters, properties })
    }

    fn unsubscribe(&mut self) -> Result<Unsubscribe, &'static str> {
        let (id, properties) = (self.two_bytes()?, self.properties()?);
        let mut filters = Vec::new();
        while !self.bytes.is_empty() {
            filters.push(self.text()?);
        }
        Ok(Unsubscribe { id, filters, properties })
    }
}
