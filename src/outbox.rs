//! What was accepted and is not confirmed: messages and subscriptions, in order, with their packet ids.
//!
//! Nothing here does I/O or knows the time. The engine takes from it what may be sent, the link tells it
//! what left and what came back, and a lost connection puts everything unconfirmed back in line.

mod flights;
mod mids;
mod parcel;
mod receipt;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::types::{Error, Properties, Qos, ReasonCode, Result};
use crate::wire::{Ack, AckKind};
use flights::Flights;
use mids::Mids;

pub(crate) use flights::{Departure, Verdict};
pub(crate) use parcel::{Handover, Keep, Letter, Parcel, Request, Stored};
pub(crate) use receipt::{Receipt, Stage, is_waking};

/// How many messages of QoS 0 the engine holds at a time: enough to keep its thread busy between two calls.
const QOS0_WINDOW: usize = 64;

/// A request or a message that has its answer.
#[derive(Debug)]
pub(crate) enum Settled {
    Published {
        receipt: Arc<Receipt>,
        stored: Option<Stored>,
        code: ReasonCode,
        properties: Properties,
        /// The topic of a refused message, for the error.
        topic: Option<String>,
    },
    Subscribed {
        mid: u16,
        filters: Vec<String>,
        codes: Vec<u8>,
        properties: Properties,
    },
    Unsubscribed {
        mid: u16,
        codes: Vec<u8>,
        properties: Properties,
    },
}

/// The queue between `publish` and the broker's confirmation.
#[derive(Debug)]
pub(crate) struct Outbox {
    next_ticket: u64,
    mids: Mids,
    /// Messages the engine does not hold, ordered by ticket.
    waiting: VecDeque<Parcel>,
    /// Subscriptions the engine does not hold, each with the ticket of the first message accepted after it. They
    /// keep their place among messages, but never wait for a window.
    requests: VecDeque<(u64, Request)>,
    /// Subscriptions that wait for the next connection.
    put_off: Vec<Request>,
    flights: Flights,
    /// Waiting messages that a newer one of the same topic replaces, by topic.
    latest: HashMap<String, u64>,
    /// Unconfirmed messages, of any QoS and above 0.
    pending: usize,
    pending_acked: usize,
    /// `max_inflight_messages` and `max_queued_messages`; 0 is no limit.
    max_inflight: usize,
    max_queued: usize,
    /// The broker's receive maximum for this connection.
    receive_maximum: usize,
    /// Messages in the engine's hands: of QoS 0, and above.
    in_engine: [usize; 2],
    online: bool,
    /// Counts connections, so that what an earlier engine reports late is recognised.
    epoch: u64,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Outbox {
            next_ticket: 0,
            mids: Mids::new(),
            waiting: VecDeque::new(),
            requests: VecDeque::new(),
            put_off: Vec::new(),
            flights: Flights::default(),
            latest: HashMap::new(),
            pending: 0,
            pending_acked: 0,
            max_inflight: 20,
            max_queued: 0,
            receive_maximum: usize::from(u16::MAX),
            in_engine: [0, 0],
            online: false,
            epoch: 0,
        }
    }

    pub(crate) fn max_inflight_set(&mut self, limit: usize) {
        self.max_inflight = limit;
    }

    pub(crate) fn max_inflight(&self) -> usize {
        self.max_inflight
    }

    pub(crate) fn max_queued_set(&mut self, limit: usize) {
        self.max_queued = limit;
    }

    pub(crate) fn max_queued(&self) -> usize {
        self.max_queued
    }

    /// Unconfirmed messages: queued and under way.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// Whether neither a message nor a request is unconfirmed.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending == 0 && self.requests.is_empty() && self.flights.requests() == 0 && self.put_off.is_empty()
    }

    pub(crate) fn is_online(&self) -> bool {
        self.online
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Accepts a message. `connected` is what the caller's handle says of the connection now.
    pub(crate) fn publish(&mut self, letter: Letter, keep_latest: bool, connected: bool) -> Result<Accepted> {
        let acked = letter.qos != Qos::AtMostOnce;
        if keep_latest
            && !self.online
            && let Some(replaced) = self.replace_latest(&letter, connected)
        {
            return Ok(replaced);
        }
        if acked && self.max_queued > 0 && self.pending_acked >= self.max_queued {
            return Err(Error::QueueFull { limit: self.max_queued });
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if keep_latest && !self.online {
            self.latest.insert(letter.topic.clone(), ticket);
        }
        let receipt = Arc::new(Receipt::new(self.mids.take(), connected));
        self.pending += 1;
        self.pending_acked += usize::from(acked);
        self.waiting.push_back(Parcel { ticket, letter: Arc::new(letter), receipt: Arc::clone(&receipt), wire: None });
        Ok(Accepted { receipt, replaced: None })
    }

    /// Puts `letter` in the place of a waiting one of the same topic, if there is one.
    fn replace_latest(&mut self, letter: &Letter, connected: bool) -> Option<Accepted> {
        let ticket = *self.latest.get(&letter.topic)?;
        let position = self.waiting.binary_search_by_key(&ticket, |parcel| parcel.ticket).ok()?;
        let parcel = self.waiting.get_mut(position).filter(|parcel| parcel.wire.is_none())?;
        let now_acked = letter.qos != Qos::AtMostOnce;
        let was_acked = parcel.letter.qos != Qos::AtMostOnce;
        let receipt = Arc::new(Receipt::new(self.mids.take(), connected));
        let stored = std::mem::replace(&mut parcel.letter, Arc::new(letter.clone())).stored;
        let old = std::mem::replace(&mut parcel.receipt, Arc::clone(&receipt));
        self.mids.release(old.mid());
        self.pending_acked = self.pending_acked + usize::from(now_acked) - usize::from(was_acked);
        Some(Accepted { receipt, replaced: Some((old, stored)) })
    }

    /// Accepts a subscription or its end, and gives its message id.
    pub(crate) fn request(&mut self, make: impl FnOnce(u16) -> Request) -> u16 {
        let mid = self.mids.take();
        self.requests.push_back((self.next_ticket, make(mid)));
        mid
    }

    /// The next thing the engine may take, which is from now on in its hands.
    pub(crate) fn next(&mut self) -> Option<Handover> {
        if !self.online {
            return None;
        }
        if let Some(request) = self.next_request() {
            let handover = Handover::Request(request.clone());
            self.flights.take_off_request(request);
            return Some(handover);
        }
        if !self.head_may_go() {
            return None;
        }
        let parcel = self.waiting.pop_front()?;
        self.in_engine[usize::from(parcel.letter.qos != Qos::AtMostOnce)] += 1;
        let handover = Handover::Message { ticket: parcel.ticket, letter: Arc::clone(&parcel.letter) };
        self.flights.take_off(parcel);
        Some(handover)
    }

    /// The next subscription, unless messages accepted before it may still go first.
    fn next_request(&mut self) -> Option<Request> {
        let &(before, _) = self.requests.front()?;
        if self.waiting.front().is_some_and(|head| head.ticket < before) && self.head_may_go() {
            return None;
        }
        self.requests.pop_front().map(|(_, request)| request)
    }

    /// Whether there is a message for whose QoS the window is open.
    fn head_may_go(&self) -> bool {
        self.waiting.front().is_some_and(|head| {
            let acked = usize::from(head.letter.qos != Qos::AtMostOnce);
            self.in_engine[acked] < self.window(acked)
        })
    }

    fn window(&self, acked: usize) -> usize {
        if acked == 0 {
            return QOS0_WINDOW;
        }
        let own = if self.max_inflight == 0 { usize::from(u16::MAX) } else { self.max_inflight };
        own.min(self.receive_maximum)
    }

    /// Whether a caller of `publish` should hand over itself: for QoS 0 only where the engine's own thread
    /// has nothing that will make it come back for more.
    pub(crate) fn wants_a_push(&self) -> bool {
        self.online
            && (self.in_engine[0] == 0 || self.waiting.front().is_some_and(|head| head.letter.qos != Qos::AtMostOnce))
    }

    /// Whether the engine holds no message, so that nothing makes it come back for more.
    pub(crate) fn engine_is_empty(&self) -> bool {
        self.in_engine == [0, 0]
    }

    /// The engine of connection `epoch` is done with a message.
    pub(crate) fn slot_freed(&mut self, epoch: u64, acked: bool) -> bool {
        let current = epoch == self.epoch;
        if current {
            let slot = &mut self.in_engine[usize::from(acked)];
            *slot = slot.saturating_sub(1);
        }
        current
    }

    /// The engine would not take `ticket`: it is given up.
    pub(crate) fn refused(&mut self, ticket: u64) -> Option<Arc<Receipt>> {
        let parcel = self.flights.land(ticket)?;
        let acked = parcel.letter.qos != Qos::AtMostOnce;
        self.slot_freed(self.epoch, acked);
        self.forget(&parcel);
        Some(parcel.receipt)
    }

    /// The engine would not take the request `mid`: the next connection's may.
    pub(crate) fn put_off(&mut self, mid: u16) {
        if let Some(request) = self.flights.take_back(mid) {
            self.put_off.push(request);
        }
    }

    /// A message passes the link on its way to the broker: the packet id and payload it goes with.
    pub(crate) fn departing(&mut self, ticket: u64, engine_id: u16) -> Option<Departure> {
        self.flights.depart(ticket, engine_id)
    }

    /// A request passes the link: the packet id it goes with.
    pub(crate) fn departing_request(&mut self, engine_id: u16) -> Option<u16> {
        self.flights.depart_request(engine_id)
    }

    /// A QoS 0 message has been written to the network.
    pub(crate) fn written(&mut self, ticket: u64) -> Option<Settled> {
        let parcel = self.flights.land(ticket)?;
        self.forget(&parcel);
        Some(published(parcel, 0, Properties::new()))
    }

    /// The broker answers: what becomes of the packet, and what is settled by it.
    pub(crate) fn answered(&mut self, ack: Ack) -> (Verdict, Option<Settled>) {
        let (verdict, landed) = self.flights.answered(&ack);
        let settled = landed.map(|landed| match landed {
            flights::Landed::Message(parcel) => {
                self.forget(&parcel);
                // PUBCOMP can only fail because the broker has completed the exchange before (MQTT 5, section 3.7.2).
                let code = if ack.kind == AckKind::Pubcomp { 0 } else { ack.codes.first().copied().unwrap_or(0) };
                published(parcel, code, ack.properties)
            }
            flights::Landed::Request(request) => {
                self.mids.release(request.mid());
                request.settled(ack.codes, ack.properties)
            }
        });
        (verdict, settled)
    }

    /// A connection stands, with the session of the one before or without.
    pub(crate) fn connected(&mut self, session_present: bool, receive_maximum: Option<u16>) {
        if !session_present {
            self.flights.forget_session();
            self.waiting.iter_mut().for_each(|parcel| parcel.wire = None);
        }
        self.latest.clear();
        self.receive_maximum = usize::from(receive_maximum.unwrap_or(u16::MAX));
        self.online = true;
    }

    /// The connection is gone: all that is unconfirmed stands in line again, in the order of its acceptance.
    pub(crate) fn disconnected(&mut self) {
        self.online = false;
        self.epoch += 1;
        self.in_engine = [0, 0];
        let (parcels, mut requests) = self.flights.ground();
        requests.append(&mut self.put_off);
        parcels.into_iter().rev().for_each(|parcel| self.waiting.push_front(parcel));
        requests.into_iter().rev().for_each(|request| self.requests.push_front((0, request)));
    }

    /// Gives up everything unconfirmed: the client is going away.
    pub(crate) fn abandon(&mut self) -> Vec<Arc<Receipt>> {
        self.disconnected();
        self.requests.clear();
        self.pending = 0;
        self.pending_acked = 0;
        self.waiting.drain(..).map(|parcel| parcel.receipt).collect()
    }

    fn forget(&mut self, parcel: &Parcel) {
        self.mids.release(parcel.receipt.mid());
        self.pending -= 1;
        self.pending_acked -= usize::from(parcel.letter.qos != Qos::AtMostOnce);
    }
}

/// A message that was accepted, and the older one it replaces, if any.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) receipt: Arc<Receipt>,
    pub(crate) replaced: Option<(Arc<Receipt>, Option<Stored>)>,
}

fn published(parcel: Parcel, code: u8, properties: Properties) -> Settled {
    let packet = match parcel.letter.qos {
        Qos::ExactlyOnce => crate::types::PacketType::Pubrec,
        _ => crate::types::PacketType::Puback,
    };
    let code = ReasonCode::new(packet, code);
    let topic = code.is_failure().then(|| parcel.letter.topic.clone());
    Settled::Published { receipt: parcel.receipt, stored: parcel.letter.stored, code, properties, topic }
}

#[cfg(test)]
#[path = "outbox/tests.rs"]
mod tests;
