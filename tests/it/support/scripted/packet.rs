//! MQTT packets as the scripted broker sees them: one model for 3.1, 3.1.1 and 5, where the version is data.
//! Properties stay bytes, see [`property`](super::property).

/// A packet from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    Connect(Connect),
    Publish(Publish),
    PubAck(Ack),
    PubRec(Ack),
    PubRel(Ack),
    PubComp(Ack),
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    PingReq,
    Disconnect(Disconnect),
    Auth(Disconnect),
}

/// CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.
    pub level: u8,
    /// The highest bit of the level.
    pub bridge: bool,
    pub client_id: String,
    /// `None` without the flag: not the same as an empty one.
    pub user: Option<String>,
    pub password: Option<Vec<u8>>,
    /// In seconds.
    pub keepalive: u16,
    /// Clean session, clean start.
    pub clean: bool,
    pub will: Option<Will>,
    pub properties: Vec<u8>,
}

/// The will in a CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub properties: Vec<u8>,
}

/// PUBLISH, in both directions; `..Publish::default()` fills what a test does not care about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publish {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub dup: bool,
    /// 0 at QoS 0, where there is none.
    pub id: u16,
    pub properties: Vec<u8>,
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    pub id: u16,
    /// 0 where MQTT 5 leaves it out, and before MQTT 5.
    pub code: u8,
    pub properties: Vec<u8>,
}

/// SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    pub id: u16,
    /// The filters with their options byte; the QoS before MQTT 5.
    pub filters: Vec<(String, u8)>,
    pub properties: Vec<u8>,
}

/// UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    pub id: u16,
    pub filters: Vec<String>,
    pub properties: Vec<u8>,
}

/// DISCONNECT and AUTH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// 0 where MQTT 5 leaves it out, and before MQTT 5.
    pub code: u8,
    pub properties: Vec<u8>,
}

/// A whole packet: first byte, remaining length, body.
pub fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first][..], &variable(body.len()), body].concat()
}

/// A number of variable length.
///
/// # Panics
/// Above 268,435,455.
#[track_caller]
pub fn variable(mut number: usize) -> Vec<u8> {
    assert!(number < 1 << 28, "{number} is too large for MQTT");
    let mut bytes = Vec::new();
    loop {
        let low = (number % 128) as u8;
        number /= 128;
        bytes.push(if number > 0 { low | 0x80 } else { low });
        if number == 0 {
            return bytes;
        }
    }
}

/// Bytes behind their length, as MQTT writes texts and binary data.
///
/// # Panics
/// Above 65,535 bytes.
#[track_caller]
pub fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("at most 65535 bytes");
    [&length.to_be_bytes()[..], bytes].concat()
}

/// Properties behind their length for MQTT 5, nothing before.
#[track_caller]
pub(super) fn with_properties(level: u8, properties: &[u8]) -> Vec<u8> {
    if level < 5 {
        assert!(properties.is_empty(), "properties need MQTT 5, the client speaks level {level}");
        return Vec::new();
    }
    [variable(properties.len()), properties.to_vec()].concat()
}

impl Publish {
    /// The packet for a client of `level`.
    pub(super) fn encode(&self, level: u8) -> Vec<u8> {
        let mut body = prefixed(self.topic.as_bytes());
        if self.qos > 0 {
            body.extend(self.id.to_be_bytes());
        }
        body.extend(with_properties(level, &self.properties));
        body.extend(&self.payload);
        frame(0x30 | u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain), &body)
    }
}
