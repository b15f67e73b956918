//! What a script writes to the client: packets in the client's version of MQTT.
//!
//! With `_v5` in its name, a method writes MQTT 5 whatever the client speaks, properties as
//! [`property`](super::property) makes them.

use super::packet::{Connect, Publish, frame, with_properties};
use super::peer::Peer;

impl Peer {
    /// CONNACK in the client's version, without properties.
    #[track_caller]
    pub fn connack(&mut self, code: u8, session_present: bool) {
        let properties = with_properties(self.level, &[]);
        self.send_raw(&frame(0x20, &[&[u8::from(session_present), code][..], &properties].concat()));
    }

    /// CONNACK of MQTT 5 with the bytes of [`property`](super::property).
    #[track_caller]
    pub fn connack_v5(&mut self, code: u8, session_present: bool, properties: &[u8]) {
        let properties = with_properties(5, properties);
        self.send_raw(&frame(0x20, &[&[u8::from(session_present), code][..], &properties].concat()));
    }

    /// What a script begins with: takes the CONNECT, accepts it without a session.
    #[track_caller]
    pub fn accept(&mut self) -> Connect {
        let connect = self.expect_connect();
        self.connack(0, false);
        connect
    }

    /// PUBLISH; `id` is left out at QoS 0.
    #[track_caller]
    pub fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: u8, id: u16) {
        let (topic, payload) = (topic.to_owned(), payload.as_ref().to_vec());
        self.send_publish(&Publish { topic, payload, qos, id, ..Publish::default() });
    }

    /// PUBLISH with retain, dup or properties.
    #[track_caller]
    pub fn send_publish(&mut self, publish: &Publish) {
        self.send_raw(&publish.encode(self.level));
    }

    /// PUBACK with success.
    #[track_caller]
    pub fn puback(&mut self, id: u16) {
        self.ack(0x40, id);
    }

    /// PUBREC with success.
    #[track_caller]
    pub fn pubrec(&mut self, id: u16) {
        self.ack(0x50, id);
    }

    /// PUBREL with success.
    #[track_caller]
    pub fn pubrel(&mut self, id: u16) {
        self.ack(0x62, id);
    }

    /// PUBCOMP with success.
    #[track_caller]
    pub fn pubcomp(&mut self, id: u16) {
        self.ack(0x70, id);
    }

    /// PUBACK (`first` 0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70) of MQTT 5 with a reason code.
    #[track_caller]
    pub fn ack_v5(&mut self, first: u8, id: u16, code: u8, properties: &[u8]) {
        self.send_raw(&frame(first, &[&id.to_be_bytes()[..], &[code], &with_properties(5, properties)].concat()));
    }

    /// SUBACK, with a code for each filter.
    #[track_caller]
    pub fn suback(&mut self, id: u16, codes: &[u8]) {
        self.answer(0x90, id, codes, &[]);
    }

    /// SUBACK of MQTT 5 with properties.
    #[track_caller]
    pub fn suback_v5(&mut self, id: u16, codes: &[u8], properties: &[u8]) {
        self.answer(0x90, id, codes, properties);
    }

    /// UNSUBACK; MQTT 5 has a code for each filter, the versions before have none.
    #[track_caller]
    pub fn unsuback(&mut self, id: u16, codes: &[u8]) {
        self.answer(0xb0, id, codes, &[]);
    }

    /// PINGRESP.
    #[track_caller]
    pub fn pingresp(&mut self) {
        self.send_raw(&[0xd0, 0]);
    }

    /// DISCONNECT, which only a broker of MQTT 5 sends.
    #[track_caller]
    pub fn disconnect_v5(&mut self, code: u8, properties: &[u8]) {
        self.send_raw(&frame(0xe0, &[&[code][..], &with_properties(5, properties)].concat()));
    }

    /// An acknowledgement of a message with success, which both versions write in two bytes.
    #[track_caller]
    fn ack(&mut self, first: u8, id: u16) {
        self.send_raw(&frame(first, &id.to_be_bytes()));
    }

    /// SUBACK or UNSUBACK.
    #[track_caller]
    fn answer(&mut self, first: u8, id: u16, codes: &[u8], properties: &[u8]) {
        let properties = with_properties(self.level, properties);
        self.send_raw(&frame(first, &[&id.to_be_bytes()[..], &properties, codes].concat()));
    }
}
