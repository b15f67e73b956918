//! What comes from the broker.

use std::sync::Arc;
use std::time::Instant;

use super::{Connection, Ending, Got, Link, Stage, Stop, UNREAD_ANSWERS, UNSERVED};
use crate::event::Event;
use crate::mqtt::{Connack, Packet, ProtocolError, Received, encode_disconnect};
use crate::net::Plan;
use crate::types::{Error, PacketType, Properties, Protocol, ReasonCode, language, tell};

/// Where each side waits for the other before it goes on, so much is handed to the loop while the rest is still taken in.
const PART: usize = 32;
/// How an alert of TLS begins: its type, and the version that all of TLS writes there.
const TLS_ALERT: [u8; 2] = [21, 3];

impl Connection {
    /// Reads once; `true` when there was something.
    pub(super) fn read(&mut self, now: Instant, buffer: &mut [u8]) -> bool {
        if !self.is_listening(now) {
            return false;
        }
        let Some(link) = &mut self.link else {
            return false;
        };
        match link.socket.read(buffer) {
            Got::Nothing => false,
            Got::Bytes(_) if matches!(link.stage, Stage::Lingering { .. }) => true,
            Got::Bytes(count) => {
                self.heard = true;
                self.session.keepalive().heard(now);
                self.take_in(&buffer[..count], now);
                true
            }
            Got::End(error) => {
                self.end(Ending::Network(error));
                true
            }
        }
    }

    /// Whether the broker is to be read now.
    fn is_listening(&mut self, now: Instant) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        if !link.is_open() {
            return true;
        }
        let paused = link.unread_answers >= UNREAD_ANSWERS || !self.queue.has_room();
        if paused != link.paused {
            link.paused = paused;
            self.session.keepalive().pause(paused, now);
        }
        !paused
    }

    /// The socket takes no more: what came before that is taken in, as it may say why.
    pub(super) fn read_the_rest(&mut self, now: Instant) {
        let mut buffer = [0; 4096];
        while self.link.is_some() && self.read(now, &mut buffer) {}
    }

    fn take_in(&mut self, bytes: &[u8], now: Instant) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        if matches!(link.stage, Stage::Connecting { .. })
            && let Some(error) = other_protocol(bytes, &link.plan)
        {
            self.link = Some(link);
            return self.fail(error);
        }
        let before = self.out.len();
        let Some(mut decoder) = link.decoder.take() else {
            return;
        };
        let outcome = decoder.feed(bytes, |packet| self.packet(&mut link, packet, now));
        link.decoder = Some(decoder);
        link.unread_answers += self.out.len() - before;
        self.link = Some(link);
        // What came before the end is delivered before it.
        self.hand_over();
        match outcome {
            Ok(()) => {}
            Err(Stop::Failed(error)) => self.fail(error),
            Err(Stop::Ended(Ending::Protocol(error))) => self.violation(error),
            Err(Stop::Ended(ending)) => self.end(ending),
        }
    }

    fn packet(&mut self, link: &mut Link, packet: Packet, now: Instant) -> Result<(), Stop> {
        self.log_received(link.version(), &packet);
        if let Stage::Connecting { .. } = link.stage {
            return match packet {
                Packet::Connack(connack) => self.connack(link, connack, now),
                _ => Err(ProtocolError::protocol("a packet came before CONNACK").into()),
            };
        }
        let received = self.session.receive(packet, now, &mut self.out)?;
        self.log_sent();
        let is_exchange = match &received {
            Some(Received::Message(message)) => message.qos != 0,
            Some(Received::Published { .. }) => true,
            _ => false,
        };
        match received {
            None => {}
            Some(Received::Message(message)) => self.tell_soon(Event::Message(message)),
            Some(Received::Published { message, code, properties }) => self.published(&message, code, properties),
            Some(Received::Answered { request, codes, properties }) => self.answered(request, codes, properties),
            Some(Received::Disconnect { code, properties }) => {
                return Err(Stop::Ended(Ending::Server { code, properties }));
            }
        }
        if is_exchange && self.events.len() >= PART && self.is_direct() {
            self.hand_over();
        }
        Ok(())
    }

    /// Delivers what has been received.
    fn hand_over(&mut self) {
        let received = self.events.iter().map(Event::size).sum();
        self.queue.received(received);
        self.deliver();
    }

    fn connack(&mut self, link: &mut Link, connack: Connack, now: Instant) -> Result<(), Stop> {
        let (id, code) = (link.plan.id, connack.code);
        if code != 0 {
            let (host, port) = (link.plan.host.clone(), link.plan.port);
            let properties = connack.properties;
            let refused = Error::Refused { host, port, code, properties: properties.clone() };
            if self.watch.refused(id, &link.plan.packet, code) {
                self.tell(Event::Refused { id, code, properties });
            }
            return Err(Stop::Failed(refused));
        }
        self.session.check_connack(&connack)?;
        let watch = Arc::clone(&self.watch);
        let accepted = watch.accepted(id, &connack, &mut || {
            let server = link.plan.server(&connack);
            link.stage = Stage::Open;
            link.look_back = Some((now + UNSERVED, self.queue.looked()));
            self.session.connected(server.clone(), &connack);
            let (handled, delivered) = (self.queue.last_handled(), self.session.last_delivered());
            let again = self.queue.unacked.connected(self.session.is_continued(), handled, delivered);
            self.session.deliver_again(&again);
            if let Some(patience) = self.session.keepalive().patience_of_tcp() {
                link.socket.give_up_after(patience);
            }
            self.outbox.connected(&server, self.session.limits(), self.is_direct());
            if let Some(engine) = &mut self.engine {
                engine.appended();
            }
            self.tell(Event::Connected {
                id,
                session_present: connack.session_present,
                is_same_session: self.session.is_same(),
                code: ReasonCode::new(PacketType::Connack, 0),
                properties: connack.properties.clone(),
            });
            self.deliver();
        });
        if accepted { Ok(()) } else { Err(Stop::Ended(Ending::Aborted)) }
    }

    /// The broker broke the protocol: it is told, where the version allows it, and left (MQTT 5, section 4.13).
    fn violation(&mut self, error: ProtocolError) {
        if let Some(link) = self.link.as_mut().filter(|link| link.is_open() && link.version() == Protocol::V5) {
            self.out.push(&encode_disconnect(Protocol::V5, error.code, &Properties::new()));
            // What the socket takes now is all it gets.
            let _ = link.socket.write(&mut self.out);
        }
        self.end(Ending::Protocol(error));
    }
}

/// Whether the first bytes are of a protocol that another setting would speak: no packet that a broker may send begins
/// like that.
fn other_protocol(bytes: &[u8], plan: &Plan) -> Option<Error> {
    // A TLS alert (RFC 8446, section 6).
    if bytes.starts_with(&TLS_ALERT) {
        return Some(Error::NeedsTls { host: plan.host.clone(), port: plan.port });
    }
    bytes.starts_with(b"HTTP/").then(|| Error::Protocol {
        problem: tell!(
            language(),
            "it is HTTP, as from a port for WebSockets, which .transport(Transport::WebSockets) speaks to",
            "c'est du HTTP, comme d'un port de WebSocket, auquel .transport(Transport::WebSockets) sait parler"
        ),
    })
}
