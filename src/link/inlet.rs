//! What is done with each packet of the broker that passed the guard.

use std::collections::HashSet;

use crate::link::guard::Admit;
use crate::link::outgoing::Outgoing;
use crate::link::{Cause, Tap};
use crate::outbox::Verdict;
use crate::types::{Properties, Protocol, Qos};
use crate::wire::{Ack, AckKind, Connack, Frame, Inbound, Malformed, PublishHead, kind, short_ack};

/// Hands a broker's packets on: to the engine, to the link's owner, or back.
pub(crate) struct Inlet<'a> {
    pub(crate) version: Protocol,
    pub(crate) tap: &'a dyn Tap,
    pub(crate) to_engine: &'a mut Outgoing,
    pub(crate) to_broker: &'a mut Outgoing,
    /// The link's own packets for the engine, which wait for the end of a message.
    pub(crate) aside: &'a mut Vec<u8>,
    /// QoS 2 messages handed on and not released.
    pub(crate) received: &'a mut HashSet<u16>,
    /// CONNACK has accepted the connection.
    pub(crate) open: bool,
    /// The keep-alive that the broker asks for, in seconds.
    pub(crate) server_keepalive: Option<u16>,
    /// The broker has ended the connection.
    pub(crate) stop: Option<Stop>,
}

/// How the broker ended the connection.
pub(crate) struct Stop {
    pub(crate) cause: Cause,
    pub(crate) code: u8,
    pub(crate) properties: Properties,
}

/// Stops the guard; the reason stands in [`Inlet::stop`].
const STOPPED: Malformed = Malformed("the broker has ended the connection");
const BEFORE_CONNACK: Malformed = Malformed("a packet came before CONNACK");

impl Admit for Inlet<'_> {
    fn message(&mut self, head: PublishHead) -> Result<bool, Malformed> {
        if !self.open {
            return Err(BEFORE_CONNACK);
        }
        Ok(head.qos != Qos::ExactlyOnce || !self.received.contains(&head.id))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.to_engine.push(bytes);
    }

    /// The broker is answered here, in time for a DISCONNECT that may follow; the engine's own answer goes nowhere.
    /// The engine delivers a QoS 2 message when it is released, so it is released at once. That the broker may
    /// send the message again, also over another connection, is remembered here (MQTT 5, section 4.3.3, method B).
    fn message_end(&mut self, head: PublishHead, kept: bool) {
        if kept {
            self.tap.arriving();
        }
        // Before anything that follows on the wire: the engine must see a PUBREC before its PUBCOMP.
        if !self.aside.is_empty() {
            self.to_engine.push(self.aside);
            self.aside.clear();
        }
        match head.qos {
            Qos::AtMostOnce => {}
            Qos::AtLeastOnce => self.to_broker.push(&short_ack(kind::PUBACK, head.id)),
            Qos::ExactlyOnce => {
                self.received.insert(head.id);
                if kept {
                    self.to_engine.push(&short_ack(kind::PUBREL, head.id));
                }
                self.to_broker.push(&short_ack(kind::PUBREC, head.id));
            }
        }
    }

    fn packet(&mut self, packet: Inbound, frame: Frame, raw: &[u8]) -> Result<(), Malformed> {
        match packet {
            Inbound::Connack(connack) => self.connack(connack),
            _ if !self.open => Err(BEFORE_CONNACK),
            Inbound::Ack(ack) => self.ack(ack, frame, raw),
            Inbound::Pubrel { id } => {
                self.received.remove(&id);
                self.to_broker.push(&short_ack(kind::PUBCOMP, id));
                Ok(())
            }
            Inbound::Pingresp => Ok(()),
            Inbound::Disconnect { code, properties } => {
                self.stop = Some(Stop { cause: Cause::Server, code, properties });
                Err(STOPPED)
            }
        }
    }
}

impl Inlet<'_> {
    fn connack(&mut self, connack: Connack) -> Result<(), Malformed> {
        if self.open {
            return Err(Malformed("CONNACK came twice"));
        }
        if connack.code == 0 && !connack.session_present {
            self.received.clear();
        }
        if !self.tap.connack(&connack) {
            self.stop = Some(Stop { cause: Cause::Aborted, code: 0, properties: Properties::new() });
            return Err(STOPPED);
        }
        if connack.code != 0 {
            self.stop = Some(Stop { cause: Cause::Refused, code: connack.code, properties: connack.properties });
            return Err(STOPPED);
        }
        self.open = true;
        self.server_keepalive = connack.properties.server_keep_alive;
        // The broker's limits are for the outbox and the link: the engine would hold back requests because of them.
        let present = u8::from(connack.session_present);
        match self.version {
            Protocol::V5 => self.to_engine.push(&[kind::CONNACK << 4, 3, present, 0, 0]),
            _ => self.to_engine.push(&[kind::CONNACK << 4, 2, present, 0]),
        }
        Ok(())
    }

    /// Passes an answer on under the id by which the engine knows the packet.
    fn ack(&mut self, ack: Ack, frame: Frame, raw: &[u8]) -> Result<(), Malformed> {
        let (kind, id) = (ack.kind, ack.id);
        let refused = ack.codes.first().is_some_and(|&code| code >= 0x80);
        match self.tap.answered(ack) {
            Verdict::Forward { engine_id } => {
                if kind == AckKind::Pubrec && !refused {
                    // The engine releases the message too, a moment later; that goes nowhere.
                    self.to_broker.push(&short_ack(kind::PUBREL, id));
                }
                self.to_engine.push(&raw[..frame.header]);
                self.to_engine.push(&engine_id.to_be_bytes());
                self.to_engine.push(&raw[frame.header + 2..]);
                Ok(())
            }
            Verdict::Unknown => {
                log::debug!("the broker answered packet {id}, which is not under way");
                if kind == AckKind::Pubrec {
                    self.to_broker.push(&short_ack(kind::PUBREL, id));
                }
                Ok(())
            }
            Verdict::Violation(problem) => Err(Malformed(problem)),
        }
    }
}
