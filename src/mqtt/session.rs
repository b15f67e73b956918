//! One client's side of MQTT, as a pure object: packets and the time go in, packets and what they mean come out.
//!
//! It holds what MQTT calls the session: the exchanges of QoS 1 and 2 in both directions with their packet ids, and for
//! the connection that stands the broker's limits, its topic aliases and the keep-alive. It lives as long as the client,
//! over all connections; nothing in here waits, locks, or looks at a clock.

mod aliases;
mod incoming;
mod outgoing;
mod suspects;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Instant;

use crate::mqtt::keepalive::{Due, KeepAlive};
use crate::mqtt::{
    Ack, Connack, ConnectPacket, FilterAck, OutgoingMessage, PINGREQ, Packet, ProtocolError, Publish, PublishHeader,
    Refused, RefusedItem, Request, SendBuffer, ServerLimits, kind, short_ack,
};
use crate::types::{Message, Properties, Protocol, Qos};
use aliases::{InboundAliases, OutboundAliases};
use incoming::{Arrival, Incoming};
use outgoing::{Awaiting, Outgoing, Resumption};
use suspects::Suspects;

pub(crate) use suspects::{Loss, Turn};

/// Which broker a session is with: the same only where host, port and client id are.
pub(crate) type ServerId = String;

/// What a packet of the broker's means to the client.
#[derive(Debug)]
pub(crate) enum Received {
    /// A message for the callbacks. Its number says to [`Session::acknowledge`] that they have returned.
    Message(Message),
    /// The exchange of a message of ours is finished, with the broker's reason code.
    Published { message: OutgoingMessage, code: u8, properties: Properties },
    /// A request is answered, with one code for each filter, or none (UNSUBACK of MQTT 3.1.1).
    Answered { request: Request, codes: Vec<u8>, properties: Properties },
    /// The broker ends the connection.
    Disconnect { code: u8, properties: Properties },
}

/// What a connection that is gone leaves.
#[derive(Debug)]
pub(crate) struct Interrupted {
    /// Requests that have no answer, to be sent again with the next one.
    pub(crate) requests: Vec<Request>,
    /// What the broker has hung up on too often.
    pub(crate) given_up: Option<RefusedItem>,
    /// The broker seems to hang up on something again and again.
    pub(crate) suspected: bool,
}

/// One client's session, and what belongs to the connection that stands.
#[derive(Debug)]
pub(crate) struct Session {
    version: Protocol,
    /// Whom the exchanges are with.
    server: Option<ServerId>,
    /// The broker says that it has kept the session of the connection before.
    is_same: bool,
    /// The same, or it was asked to and cannot say so.
    is_continued: bool,
    outgoing: Outgoing,
    suspects: Suspects,
    incoming: Incoming,
    limits: ServerLimits,
    keepalive: KeepAlive,
    /// Messages of the broker's at a time that our CONNECT allows.
    receive_maximum: usize,
    /// Our CONNECT asked for a session without a past.
    clean: bool,
    /// And for one that outlives the connection.
    outlives: bool,
    inbound_aliases: InboundAliases,
    outbound_aliases: OutboundAliases,
}

impl Session {
    /// `server` is the broker with which an earlier program has left a session.
    pub(crate) fn new(version: Protocol, server: Option<ServerId>, now: Instant) -> Self {
        Session {
            version,
            server,
            is_same: false,
            is_continued: false,
            outgoing: Outgoing::default(),
            suspects: Suspects::new(now),
            incoming: Incoming::default(),
            limits: ServerLimits::new(version, &Properties::new()),
            keepalive: KeepAlive::new(0, now),
            receive_maximum: usize::from(u16::MAX),
            clean: true,
            outlives: false,
            inbound_aliases: InboundAliases::default(),
            outbound_aliases: OutboundAliases::default(),
        }
    }

    /// A connection begins with CONNECT. Must be called after [`disconnected`](Self::disconnected) for the one before.
    pub(crate) fn connect(&mut self, packet: &ConnectPacket, now: Instant, out: &mut SendBuffer) {
        self.keepalive = KeepAlive::new(packet.keepalive, now);
        self.suspects.connect(now);
        self.receive_maximum = match packet.version {
            Protocol::V5 => packet.properties.receive_maximum.unwrap_or(u16::MAX).into(),
            // There it does not exist: a broker that sends too much is held back by the room for events.
            _ => usize::MAX,
        };
        self.inbound_aliases = InboundAliases::new(packet.properties.topic_alias_maximum.unwrap_or(0));
        self.version = packet.version;
        self.clean = packet.clean;
        self.outlives = packet.asks_for_kept_session();
        out.build(|bytes| packet.encode(bytes));
    }

    /// Whether a CONNACK that accepts may say what it says.
    pub(crate) fn check_connack(&self, connack: &Connack) -> Result<(), ProtocolError> {
        if connack.session_present && self.clean {
            return Err(ProtocolError::protocol("CONNACK claims a session although a clean one was asked for"));
        }
        Ok(())
    }

    /// CONNACK has accepted the connection with `server`. Exchanges go on as the broker's memory allows: see
    /// [`next_to_resume`](Self::next_to_resume).
    pub(crate) fn connected(&mut self, server: ServerId, connack: &Connack) {
        let same = self.server.as_ref() == Some(&server);
        self.is_same = same && connack.session_present;
        // A broker of MQTT 3.1 does not say what it has kept: as in Python, what it was asked to keep.
        self.is_continued = self.is_same || (same && self.version == Protocol::V31 && !self.clean);
        self.outgoing.resume(match (self.is_continued, same, self.version) {
            (true, ..) => Resumption::Continue,
            (false, true, Protocol::V5) | (false, false, _) => Resumption::Anew,
            (false, true, _) => Resumption::Repeat,
        });
        if !same {
            self.suspects.clear();
            self.release();
        }
        let outlives = connack.properties.session_expiry_interval.map_or(self.outlives, |seconds| seconds > 0);
        self.incoming.connected(self.is_continued, outlives);
        self.server = Some(server);
        self.limits = ServerLimits::new(self.version, &connack.properties);
        self.outbound_aliases = OutboundAliases::new(self.limits.topic_alias_maximum);
        if let Some(seconds) = connack.properties.server_keep_alive {
            self.keepalive.set(seconds);
        }
    }

    /// The connection is gone, and so many bytes were written on it.
    pub(crate) fn disconnected(&mut self, loss: Loss, written: u64, now: Instant) -> Interrupted {
        let oldest = self.outgoing.oldest(written);
        self.incoming.disconnected();
        let mut requests = self.outgoing.disconnected();
        let given_up = self.suspects.disconnected(loss, oldest, now).and_then(|sequence| {
            let place = requests.iter().position(|request| request.sequence == sequence);
            let request = place.map(|place| requests.remove(place));
            let message = self.outgoing.give_up(sequence);
            request.map(RefusedItem::of_request).or(message.map(RefusedItem::of_message))
        });
        self.release();
        Interrupted { requests, suspected: given_up.is_some() || self.suspects.has_any(), given_up }
    }

    /// What is held may have changed.
    fn release(&mut self) {
        let suspects = &self.suspects;
        self.outgoing.hold(|message| suspects.hold_message(message));
    }

    /// Gives up all messages in flight: the client is going away.
    pub(crate) fn abandon(&mut self) -> Vec<OutgoingMessage> {
        self.outgoing.take_back(|_| false)
    }

    /// Forgets the messages in flight, but for those to `keep`, and gives them back. An answer that comes for one is passed over.
    pub(crate) fn take_back(&mut self, keep: impl Fn(&OutgoingMessage) -> bool) -> Vec<OutgoingMessage> {
        let taken = self.outgoing.take_back(keep);
        for message in &taken {
            self.suspects.withdrawn(message.sequence);
        }
        self.release();
        taken
    }

    /// Received messages above QoS 0 that are not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.incoming.unacknowledged()
    }

    /// Whether the broker has kept the session of the connection before, and said so.
    pub(crate) fn is_same(&self) -> bool {
        self.is_same
    }

    /// The broker's limits on the connection that stands.
    pub(crate) fn limits(&self) -> ServerLimits {
        self.limits
    }

    /// Whether the window lets a message of this QoS out. `max_inflight` is the client's own limit, 0 for none.
    pub(crate) fn has_room(&self, qos: Qos, max_inflight: usize) -> bool {
        if qos == Qos::AtMostOnce {
            return true;
        }
        let own = if max_inflight == 0 { usize::from(u16::MAX) } else { max_inflight };
        self.outgoing.open() < own.min(self.limits.receive_maximum.into())
    }

    /// Whether something with the same packet id is unanswered: only once that is done may `sequence` be sent.
    pub(crate) fn uses_id(&self, sequence: u64) -> bool {
        self.outgoing.uses_id(sequence)
    }

    /// Sends a message for the first time. Must be called with connection, [room](Self::has_room), a free packet id, and
    /// nothing [left to resume](Self::next_to_resume) that was accepted before.
    pub(crate) fn publish(
        &mut self,
        message: OutgoingMessage,
        now: Instant,
        out: &mut SendBuffer,
    ) -> Result<(), Box<RefusedItem>> {
        if let Err(refused) = self.check_message(&message, now) {
            return Err(Box::new(RefusedItem::Message(message, refused)));
        }
        let dup = message.sent_before && self.is_continued && message.is_acked();
        send_publish(self.version, &message, dup, now, &mut self.outbound_aliases, out);
        if message.is_acked() {
            self.outgoing.begin(message, dup, out.end());
        } else {
            out.ends_qos0(message);
        }
        Ok(())
    }

    fn check_message(&self, message: &OutgoingMessage, now: Instant) -> Result<(), Refused> {
        if message.has_expired(now) {
            return Err(Refused::Expired { topic: message.topic.to_string() });
        }
        self.limits.check_message(message)
    }

    /// Sends a request. Must be called with a connection and a free packet id.
    pub(crate) fn request(&mut self, request: Request, out: &mut SendBuffer) -> Result<(), (Request, Refused)> {
        if let Err(refused) = self.limits.check_request(&request) {
            return Err((request, refused));
        }
        out.build(|bytes| request.encode(self.version, bytes));
        self.suspects.sent(request.sequence);
        self.outgoing.begin_request(request, out.end());
        Ok(())
    }

    /// The sequence of the oldest exchange of an earlier connection that has yet to go on.
    pub(crate) fn next_to_resume(&self) -> Option<u64> {
        self.outgoing.next_to_resume()
    }

    /// Goes on with an exchange of an earlier connection, as [`next_to_resume`](Self::next_to_resume) or
    /// [`turn`](Self::turn) says: PUBREL, or PUBLISH. Must be called with [room](Self::has_room). Gives back a message that
    /// this broker would not take.
    pub(crate) fn resume(&mut self, sequence: u64, now: Instant, out: &mut SendBuffer) -> Result<(), Box<RefusedItem>> {
        self.suspects.sent(sequence);
        let Some(exchange) = self.outgoing.resume_one(sequence) else {
            // A request that the program has withdrawn.
            self.suspects.withdrawn(sequence);
            return Ok(());
        };
        // What the broker may know of is brought to its end.
        let is_late = !exchange.dup && exchange.message.has_expired(now);
        let checked = match is_late {
            true => Err(Refused::Expired { topic: exchange.message.topic.to_string() }),
            false => self.limits.check_message(&exchange.message),
        };
        if exchange.awaiting == Awaiting::Pubcomp {
            out.push(&short_ack(kind::PUBREL, exchange.message.id()));
        } else if let Err(refused) = checked {
            let id = exchange.message.id();
            if self.suspects.withdrawn(sequence) {
                self.release();
            }
            return self
                .outgoing
                .finish(id)
                .map_or(Ok(()), |message| Err(Box::new(RefusedItem::Message(message, refused))));
        } else {
            send_publish(self.version, &exchange.message, exchange.dup, now, &mut self.outbound_aliases, out);
        }
        exchange.end = Some(out.end());
        Ok(())
    }

    fn ping(&mut self, out: &mut SendBuffer) {
        self.suspects.pings();
        out.push(&PINGREQ);
    }

    /// A packet has come on a connection that CONNACK has accepted.
    pub(crate) fn receive(
        &mut self,
        packet: Packet,
        now: Instant,
        out: &mut SendBuffer,
    ) -> Result<Option<Received>, ProtocolError> {
        match packet {
            Packet::Publish(publish) => self.publish_received(publish, now, out),
            Packet::Puback(ack) => self.puback(ack),
            Packet::Pubrec(ack) => self.pubrec(ack, out),
            Packet::Pubcomp(ack) => self.pubcomp(ack),
            Packet::Pubrel(ack) => {
                self.incoming.release(ack.id, out);
                Ok(None)
            }
            Packet::Suback(ack) => self.answered(ack, true),
            Packet::Unsuback(ack) => self.answered(ack, false),
            Packet::Pingresp => {
                self.suspects.ping_answered();
                Ok(None)
            }
            Packet::Disconnect { code, properties } => Ok(Some(Received::Disconnect { code, properties })),
            Packet::Connack(_) => Err(ProtocolError::protocol("CONNACK came twice")),
        }
    }

    fn publish_received(
        &mut self,
        mut publish: Publish,
        now: Instant,
        out: &mut SendBuffer,
    ) -> Result<Option<Received>, ProtocolError> {
        self.inbound_aliases.resolve(&mut publish)?;
        let Arrival::New(number) = self.incoming.arrive(&publish, out) else {
            return Ok(None);
        };
        if self.incoming.open() > self.receive_maximum {
            const RECEIVE_MAXIMUM_EXCEEDED: u8 = 0x93;
            let problem = "more messages came at a time than the receive maximum of CONNECT allows";
            return Err(ProtocolError { code: RECEIVE_MAXIMUM_EXCEEDED, problem });
        }
        let Publish { topic, payload, qos, retain, dup, id, properties } = publish;
        let message = Message { topic, payload, qos, retain, dup, mid: id, properties, timestamp: now, number };
        Ok(Some(Received::Message(message)))
    }

    /// PUBACK ends an exchange of QoS 1. Some brokers (RabbitMQ 3.10) end one of QoS 2 with it too.
    fn puback(&mut self, ack: Ack) -> Result<Option<Received>, ProtocolError> {
        match self.outgoing.sent_exchange(ack.id).map(|exchange| exchange.awaiting) {
            Some(Awaiting::Puback | Awaiting::Pubrec) => Ok(self.finish(ack)),
            Some(Awaiting::Pubcomp) => Err(ProtocolError::protocol("PUBACK came for a message after PUBREC")),
            None => Ok(unknown(&ack)),
        }
    }

    fn pubrec(&mut self, ack: Ack, out: &mut SendBuffer) -> Result<Option<Received>, ProtocolError> {
        match self.outgoing.sent_exchange(ack.id) {
            Some(exchange) if exchange.awaiting == Awaiting::Puback => {
                Err(ProtocolError::protocol("PUBREC came for a message of QoS 1"))
            }
            Some(_) if ack.code >= 0x80 => Ok(self.finish(ack)),
            Some(exchange) => {
                exchange.awaiting = Awaiting::Pubcomp;
                out.push(&short_ack(kind::PUBREL, ack.id));
                exchange.end = Some(out.end());
                Ok(None)
            }
            None => {
                // Released, so that the broker can forget it; but not what is just about to be resumed.
                if ack.code < 0x80 && !self.outgoing.is_to_be_resumed(ack.id) {
                    out.push(&short_ack(kind::PUBREL, ack.id));
                }
                Ok(unknown(&ack))
            }
        }
    }

    fn pubcomp(&mut self, mut ack: Ack) -> Result<Option<Received>, ProtocolError> {
        match self.outgoing.sent_exchange(ack.id) {
            Some(exchange) if exchange.awaiting == Awaiting::Pubcomp => {
                // The only failure is an unknown packet id (MQTT 5, section 3.7.2.1). In a recovery it says that the
                // broker has completed the exchange before; else that it has lost the message.
                if exchange.dup {
                    ack.code = 0;
                }
                Ok(self.finish(ack))
            }
            Some(_) => Err(ProtocolError::protocol("PUBCOMP came for a message without PUBREC")),
            None => Ok(unknown(&ack)),
        }
    }

    fn finish(&mut self, ack: Ack) -> Option<Received> {
        let message = self.outgoing.finish(ack.id)?;
        self.cleared(message.sequence);
        Some(Received::Published { message, code: ack.code, properties: ack.properties })
    }

    /// What has this sequence is answered.
    fn cleared(&mut self, sequence: u64) {
        if self.suspects.answered(sequence) {
            self.release();
        }
    }

    fn answered(&mut self, ack: FilterAck, suback: bool) -> Result<Option<Received>, ProtocolError> {
        let Some(request) = self.outgoing.request(ack.id) else {
            log::debug!("the broker answered request {}, which is not open", ack.id);
            return Ok(None);
        };
        if request.is_subscribe() != suback {
            return Err(ProtocolError::protocol("a request got an answer of the wrong kind"));
        }
        if !ack.codes.is_empty() && ack.codes.len() != request.len() {
            return Err(ProtocolError::protocol("an answer has another number of codes than there were filters"));
        }
        let request = self.outgoing.finish_request(ack.id);
        if let Some(request) = &request {
            self.cleared(request.sequence);
        }
        Ok(request.map(|request| Received::Answered { request, codes: ack.codes, properties: ack.properties }))
    }

    /// The callbacks of all messages up to number `handled` have returned: they are acknowledged.
    pub(crate) fn acknowledge(&mut self, handled: u64, out: &mut SendBuffer) {
        self.incoming.acknowledge(handled, out);
    }

    /// Messages that were delivered, by their numbers in order, are new when they come again: the program has dealt with
    /// them once and not acknowledged them.
    pub(crate) fn deliver_again(&mut self, numbers: &[u64]) {
        self.incoming.deliver_again(numbers);
    }

    /// Whether the broker has kept the session, on the connection that stands.
    pub(crate) fn is_continued(&self) -> bool {
        self.is_continued
    }

    /// The number of the last message that was delivered.
    pub(crate) fn last_delivered(&self) -> u64 {
        self.incoming.count()
    }

    /// The keep-alive, which is told what the socket does.
    pub(crate) fn keepalive(&mut self) -> &mut KeepAlive {
        &mut self.keepalive
    }

    /// When [`timeout`](Self::timeout) and [`try_suspects`](Self::try_suspects) must be called next.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        [self.keepalive.next(), self.suspects.next_timeout()].into_iter().flatten().min()
    }

    /// Does what is due at `now`; `true` when the broker is to be given up.
    pub(crate) fn timeout(&mut self, now: Instant, out: &mut SendBuffer) -> bool {
        match self.keepalive.due(now) {
            Due::Nothing => false,
            Due::Ping => {
                self.ping(out);
                false
            }
            Due::GiveUp => true,
        }
    }
}

fn send_publish(
    version: Protocol,
    message: &OutgoingMessage,
    dup: bool,
    now: Instant,
    aliases: &mut OutboundAliases,
    out: &mut SendBuffer,
) {
    let mut header = PublishHeader::of(message, dup);
    let mut properties = Cow::Borrowed(&message.properties);
    if let Some(left) =
        message.seconds_left(now).filter(|left| message.properties.message_expiry_interval != Some(*left))
    {
        properties.to_mut().message_expiry_interval = Some(left);
    }
    if let Some(alias) = message.properties.topic_alias {
        if aliases.stand_for(alias, &message.topic) {
            header.topic = "";
        } else if !aliases.allow(alias) {
            properties.to_mut().topic_alias = None;
        }
    }
    header.properties = &properties;
    out.build_publish(message.id(), |bytes| header.encode(version, bytes));
    out.push_payload(&message.payload);
}

/// An answer to something that is not in flight is ignored.
fn unknown(ack: &Ack) -> Option<Received> {
    log::debug!("the broker answered packet {}, which is not in flight", ack.id);
    None
}
