//! Everything a client's callbacks are told, in the order in which they are told.

use rappel as pmc;

use super::wait::Probe;

/// One call of a callback.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    PreConnect,
    Connect { session_present: bool, code: u8, properties: pmc::Properties },
    ConnectFail,
    Disconnect { code: u8, by_server: bool, properties: pmc::Properties },
    Message { topic: String, payload: Vec<u8>, qos: u8, retain: bool, properties: pmc::Properties },
    Publish { mid: u16, code: u8 },
    Subscribe { mid: u16, codes: Vec<u8> },
    Unsubscribe { mid: u16, codes: Vec<u8> },
}

impl Told {
    /// `on_connect` with success and without a session.
    pub fn connected() -> Self {
        Self::Connect { session_present: false, code: 0, properties: pmc::Properties::new() }
    }

    /// `on_disconnect` without properties and without a DISCONNECT of the broker.
    pub fn disconnected(code: u8) -> Self {
        Self::Disconnect { code, by_server: false, properties: pmc::Properties::new() }
    }

    /// `on_message` for a message without flags and properties.
    pub fn message(topic: &str, payload: impl AsRef<[u8]>, qos: u8) -> Self {
        let (topic, payload) = (topic.to_owned(), payload.as_ref().to_vec());
        Self::Message { topic, payload, qos, retain: false, properties: pmc::Properties::new() }
    }

    /// What `on_message` was given.
    pub fn of(message: &pmc::Message) -> Self {
        Self::Message {
            topic: message.topic.clone(),
            payload: message.payload.clone(),
            qos: message.qos.value(),
            retain: message.retain,
            properties: message.properties.clone(),
        }
    }
}

/// Registers all callbacks of `client` and gives what they are told. A test may replace single ones afterwards.
pub fn tell_all<U: Send + Sync + 'static>(client: &pmc::Client<U>) -> Probe<Told> {
    let (tell, heard) = Probe::pair();
    let values = |codes: &[pmc::ReasonCode]| codes.iter().map(|code| code.value()).collect::<Vec<_>>();

    let to = tell.clone();
    client.on_pre_connect(move |_, _| drop(to.send(Told::PreConnect)));
    let to = tell.clone();
    client.on_connect(move |_, _, flags, code, properties| {
        let (session_present, properties) = (flags.session_present, properties.clone());
        let _ = to.send(Told::Connect { session_present, code: code.value(), properties });
    });
    let to = tell.clone();
    client.on_connect_fail(move |_, _| drop(to.send(Told::ConnectFail)));
    let to = tell.clone();
    client.on_disconnect(move |_, _, flags, code, properties| {
        let (by_server, properties) = (flags.is_disconnect_packet_from_server, properties.clone());
        let _ = to.send(Told::Disconnect { code: code.value(), by_server, properties });
    });
    let to = tell.clone();
    client.on_message(move |_, _, message| drop(to.send(Told::of(message))));
    let to = tell.clone();
    client.on_publish(move |_, _, mid, code, _| drop(to.send(Told::Publish { mid, code: code.value() })));
    let to = tell.clone();
    client.on_subscribe(move |_, _, mid, codes, _| drop(to.send(Told::Subscribe { mid, codes: values(codes) })));
    client.on_unsubscribe(move |_, _, mid, codes, _| drop(tell.send(Told::Unsubscribe { mid, codes: values(codes) })));
    heard
}
