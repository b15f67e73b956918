//! What the benches in `tests/bench` call: the hot paths one by one, without sockets and threads.
//!
//! Each does the work of [`BATCH`] messages at a time, as the network's thread and the loop do.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::callbacks::{AnyClient, Callbacks, Subject};
use crate::event::Event;
use crate::event_loop::{Beginning, ConnectSettings, EventLoop, Kept};
use crate::mqtt::testing::message;
use crate::mqtt::{
    Connack, ConnectPacket, Decoder, Packet, ProtocolError, PublishHeader, Received, SendBuffer, Session, kind,
    short_ack,
};
use crate::net::Route;
use crate::outbox::{Draft, Outbox};
use crate::types::{Bind, CleanStart, Engine, Message, PacketType, Properties, Protocol, Qos, ReasonCode};

/// Messages at a time.
pub const BATCH: u64 = 64;

const TOPIC: &str = "bench/topic";

fn payload() -> Vec<u8> {
    vec![b'x'; 64]
}

fn qos(value: u8) -> Qos {
    [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce][usize::from(value)]
}

/// A session with a broker that has accepted the connection.
fn session(now: Instant) -> Session {
    let mut session = Session::new(Protocol::V311, None, now);
    let packet = ConnectPacket {
        version: Protocol::V311,
        bridge: false,
        client_id: "bench".into(),
        clean: true,
        keepalive: 0,
        will: None,
        credentials: None,
        properties: Properties::new(),
    };
    session.connect(&packet, now, &mut SendBuffer::default());
    let code = ReasonCode::new(PacketType::Connack, 0);
    session.connected("broker".into(), &Connack { session_present: false, code, properties: Properties::new() });
    session
}

/// A decoder that has seen its CONNACK.
fn decoder() -> Decoder {
    let mut decoder = Decoder::new(Protocol::V311, 1 << 20);
    let begun = decoder.feed(&[kind::CONNACK << 4, 2, 0, 0], |_| Ok::<(), ProtocolError>(()));
    assert_eq!(begun, Ok(()));
    decoder
}

/// Messages of the broker's, as they come from the socket.
fn published(qos: Qos) -> Vec<u8> {
    let (mut bytes, none, payload) = (Vec::new(), Properties::new(), payload());
    for id in 1..=BATCH as u16 {
        let payload_len = payload.len();
        let header = PublishHeader { topic: TOPIC, qos, retain: false, dup: false, id, properties: &none, payload_len };
        header.encode(Protocol::V311, &mut bytes);
        bytes.extend_from_slice(&payload);
    }
    bytes
}

/// The decoder: messages of the broker's, from bytes to packets.
pub struct Decoding {
    decoder: Decoder,
    bytes: Vec<u8>,
}

impl Decoding {
    pub fn new(of: u8) -> Self {
        Decoding { decoder: decoder(), bytes: published(qos(of)) }
    }

    /// How many packets there were.
    pub fn run(&mut self) -> u64 {
        let mut packets = 0;
        let fed = self.decoder.feed(&self.bytes, |packet| {
            packets += u64::from(matches!(packet, Packet::Publish(_)));
            Ok::<(), ProtocolError>(())
        });
        assert_eq!(fed, Ok(()));
        packets
    }
}

/// The session and the decoder: messages of the broker's, up to their acknowledgement.
pub struct Receiving {
    decoding: Decoding,
    session: Session,
    out: SendBuffer,
    sent: Vec<u8>,
    qos: Qos,
}

impl Receiving {
    pub fn new(of: u8) -> Self {
        let session = session(Instant::now());
        Receiving { decoding: Decoding::new(of), session, out: SendBuffer::default(), sent: Vec::new(), qos: qos(of) }
    }

    /// How many messages there were for the callbacks.
    pub fn run(&mut self) -> u64 {
        let Receiving { decoding, session, out, sent, qos } = self;
        let (now, mut messages) = (Instant::now(), 0);
        let mut take = |packet| {
            if let Some(Received::Message(message)) = session.receive(packet, now, out)? {
                messages += 1;
                session.acknowledge(message.number, out);
            }
            Ok::<(), ProtocolError>(())
        };
        let mut fed = decoding.decoder.feed(&decoding.bytes, &mut take);
        if *qos == Qos::ExactlyOnce {
            let releases: Vec<u8> = (1..=BATCH as u16).flat_map(|id| short_ack(kind::PUBREL, id)).collect();
            fed = fed.and_then(|()| decoding.decoder.feed(&releases, &mut take));
        }
        assert_eq!(fed, Ok(()));
        write(out, sent);
        messages
    }
}

/// Takes what would go to the socket.
fn write(out: &mut SendBuffer, sent: &mut Vec<u8>) {
    sent.clear();
    assert!(out.write_to(sent).is_ok_and(|all| all), "a Vec takes all");
}

/// The session alone, or outbox and session: messages of ours, up to their confirmation.
pub struct Publishing {
    outbox: Option<Outbox>,
    session: Session,
    out: SendBuffer,
    decoder: Decoder,
    sent: Vec<u8>,
    sequence: u64,
    qos: Qos,
}

impl Publishing {
    /// Through the session alone.
    pub fn of_session(of: u8) -> Self {
        Publishing {
            outbox: None,
            session: session(Instant::now()),
            out: SendBuffer::default(),
            decoder: decoder(),
            sent: Vec::new(),
            sequence: 0,
            qos: qos(of),
        }
    }

    /// Through outbox and session.
    pub fn of_outbox(of: u8) -> Self {
        let publishing = Publishing::of_session(of);
        let outbox = Outbox::new(None, Vec::new(), 0);
        outbox.max_inflight_set(BATCH as usize);
        outbox.connected("broker", publishing.session.limits(), true);
        Publishing { outbox: Some(outbox), ..publishing }
    }

    fn accept(&self, count: u64) {
        let Some(outbox) = &self.outbox else {
            return;
        };
        for _ in 0..count {
            let draft = Draft {
                topic: TOPIC.into(),
                payload: payload().into(),
                qos: self.qos,
                retain: false,
                properties: Properties::new(),
                expires_at: None,
                keep_latest: false,
            };
            assert!(outbox.publish(draft, true).is_ok(), "there is room");
        }
    }

    /// How many messages were confirmed.
    pub fn run(&mut self) -> u64 {
        let now = Instant::now();
        let first = self.sequence + 1;
        self.sequence += BATCH;
        self.accept(BATCH);
        match &self.outbox {
            Some(outbox) => {
                let refused = outbox.send_ready(self.sequence, now, &mut self.session, &mut self.out);
                assert!(refused.is_empty());
            }
            None => (first..=self.sequence).for_each(|sequence| {
                let sent = self.session.publish(message(sequence, self.qos), now, &mut self.out);
                assert!(sent.is_ok());
            }),
        }
        write(&mut self.out, &mut self.sent);
        let mut confirmed: Vec<_> =
            std::iter::from_fn(|| self.out.next_written()).map(|message| message.share()).collect();
        let answers: &[u8] = match self.qos {
            Qos::AtMostOnce => &[],
            Qos::AtLeastOnce => &[kind::PUBACK],
            Qos::ExactlyOnce => &[kind::PUBREC, kind::PUBCOMP],
        };
        for answer in answers {
            let ids = (first..=self.sequence).map(crate::mqtt::message_id);
            let bytes: Vec<u8> = ids.flat_map(|id| short_ack(*answer, id)).collect();
            let fed = self.decoder.feed(&bytes, |packet| {
                if let Some(Received::Published { message, .. }) = self.session.receive(packet, now, &mut self.out)? {
                    confirmed.push(message.share());
                }
                Ok::<(), ProtocolError>(())
            });
            assert_eq!(fed, Ok(()));
        }
        write(&mut self.out, &mut self.sent);
        let count = confirmed.len() as u64;
        if let Some(outbox) = &self.outbox {
            outbox.finished(confirmed);
        }
        count
    }
}

/// The client and the user data that callbacks are given.
#[derive(Default)]
struct Given(Arc<()>);

impl AnyClient for Given {
    fn userdata(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.0) as _
    }
}

/// What each callback does.
fn nothing(_: &Given, (): &()) {}

/// From a message's topic to the callback that was registered for it, among others.
pub struct Routing {
    callbacks: Callbacks,
    message: Message,
}

impl Routing {
    /// With so many filters: one in ten with a wildcard, two of them matching the message.
    pub fn new(filters: usize) -> Self {
        let callbacks = Callbacks::default();
        let others = (2..filters).map(|number| match number % 10 {
            0 => format!("site/{number}/+/temperature"),
            _ => format!("site/floor/{number}/temperature"),
        });
        for filter in others.chain(["site/floor/0/temperature".into(), "site/+/0/#".into()]) {
            callbacks.route_add(filter, Box::new(|subject, _| subject.with(nothing)));
        }
        Routing { callbacks, message: Message::new("site/floor/0/temperature", payload()) }
    }

    /// Whether a callback has run.
    pub fn run(&self) -> bool {
        self.callbacks.run_message(Subject { client: &Given::default(), userdata: &() }, &self.message, |_| {})
    }
}

/// Queue, event loop and `on_message`.
pub struct Dispatching {
    events: EventLoop,
    client: Given,
    number: u64,
}

impl Default for Dispatching {
    fn default() -> Self {
        let settings = ConnectSettings {
            bind: Bind::default(),
            route: Route::default(),
            keepalive: Duration::ZERO,
            clean_start: CleanStart::default(),
            properties: Properties::new(),
            connect_timeout: Duration::ZERO,
            bridge: false,
            client_id: "bench".into(),
            clean_session: true,
            credentials: None,
            will: None,
            connected_before: false,
        };
        let beginning = Beginning {
            settings,
            version: Protocol::V311,
            engine: Engine::Native,
            reconnect_on_failure: false,
            resubscribe: false,
            kept: Kept::default(),
        };
        let events = EventLoop::new(beginning);
        events.callbacks.message.set(Some(Box::new(|subject, _| subject.with(nothing))));
        Dispatching { events, client: Given::default(), number: 0 }
    }
}

impl Dispatching {
    /// The number of the last message whose callback has returned.
    pub fn run(&mut self) -> u64 {
        let mut messages = Vec::new();
        for _ in 0..BATCH {
            self.number += 1;
            let message = Message { number: self.number, ..Message::new(TOPIC, payload()) };
            let event = Event::Message(message);
            self.events.queue.received(event.size());
            self.events.queue.expect(1);
            messages.push(event);
        }
        self.events.queue.append(&mut messages);
        self.events.run(&self.client);
        self.events.queue.last_handled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_done() {
        for qos in 0..3 {
            let (mut decoding, mut receiving) = (Decoding::new(qos), Receiving::new(qos));
            let mut publishing = [Publishing::of_session(qos), Publishing::of_outbox(qos)];
            for _ in 0..3 {
                assert_eq!((decoding.run(), receiving.run()), (BATCH, BATCH), "QoS {qos}");
                assert_eq!(publishing.each_mut().map(Publishing::run), [BATCH, BATCH], "QoS {qos}");
            }
        }
        assert!(Routing::new(100).run());
        let mut dispatching = Dispatching::default();
        assert_eq!([(); 2].map(|()| dispatching.run()), [BATCH, 2 * BATCH]);
    }
}
