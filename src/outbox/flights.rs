//! What the engine and the network hold: which packet id on the wire belongs to which message.
//!
//! Every connection has a fresh engine that counts its packet ids from 1. The link gives each packet the id
//! under which the broker knows the message, so that an exchange goes on where the last connection broke it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::outbox::parcel::Wire;
use crate::outbox::{Parcel, Request};
use crate::types::Qos;
use crate::wire::{Ack, AckKind};

/// Messages and requests that were handed to the engine and are not answered.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    /// Messages by ticket.
    messages: BTreeMap<u64, Flight>,
    requests: Vec<RequestFlight>,
    /// Which ticket a packet id of the wire belongs to; kept while the session lives.
    by_wire: HashMap<u16, u64>,
}

#[derive(Debug)]
struct Flight {
    parcel: Parcel,
    engine_id: u16,
}

#[derive(Debug)]
struct RequestFlight {
    request: Request,
    /// The engine's id and the wire's, once it has left.
    ids: Option<(u16, u16)>,
}

/// How a message leaves.
#[derive(Debug)]
pub(crate) struct Departure {
    pub(crate) id: u16,
    pub(crate) dup: bool,
    /// `None`: the broker has the message already, only its release is missing.
    pub(crate) payload: Option<Arc<Vec<u8>>>,
}

/// What becomes of an answer of the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes to the engine under the engine's id.
    Forward { engine_id: u16 },
    /// Nobody asked for it; it is passed over.
    Unknown,
    /// The broker broke the protocol.
    Violation(&'static str),
}

/// What an answer completes.
#[derive(Debug)]
pub(crate) enum Landed {
    Message(Parcel),
    Request(Request),
}

impl Flights {
    /// How many requests are unanswered.
    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn take_off(&mut self, parcel: Parcel) {
        self.messages.insert(parcel.ticket, Flight { parcel, engine_id: 0 });
    }

    pub(crate) fn take_off_request(&mut self, request: Request) {
        self.requests.push(RequestFlight { request, ids: None });
    }

    pub(crate) fn depart(&mut self, ticket: u64, engine_id: u16) -> Option<Departure> {
        let flight = self.messages.get_mut(&ticket)?;
        let payload = Arc::clone(&flight.parcel.letter.payload);
        if flight.parcel.letter.qos == Qos::AtMostOnce {
            return Some(Departure { id: 0, dup: false, payload: Some(payload) });
        }
        flight.engine_id = engine_id;
        let before = flight.parcel.wire;
        let mid = flight.parcel.receipt.mid();
        let wire = before.unwrap_or_else(|| Wire { id: self.free_wire_id(mid), received: false });
        if let Some(flight) = self.messages.get_mut(&ticket) {
            flight.parcel.wire = Some(wire);
        }
        self.by_wire.insert(wire.id, ticket);
        Some(Departure { id: wire.id, dup: before.is_some(), payload: (!wire.received).then_some(payload) })
    }

    pub(crate) fn depart_request(&mut self, engine_id: u16) -> Option<u16> {
        let place = self.requests.iter().position(|flight| flight.ids.is_none())?;
        let wire_id = self.free_wire_id(self.requests[place].request.mid());
        self.requests[place].ids = Some((engine_id, wire_id));
        Some(wire_id)
    }

    /// The message id itself, as in Python, unless that packet id is in use.
    fn free_wire_id(&self, mid: u16) -> u16 {
        let taken = |id: u16| {
            self.by_wire.contains_key(&id)
                || self.requests.iter().any(|flight| flight.ids.is_some_and(|(_, wire)| wire == id))
        };
        (mid..=u16::MAX).chain(1..mid).find(|&id| !taken(id)).unwrap_or(mid)
    }

    /// Takes out a message that is done.
    pub(crate) fn land(&mut self, ticket: u64) -> Option<Parcel> {
        let flight = self.messages.remove(&ticket)?;
        if let Some(wire) = flight.parcel.wire {
            self.by_wire.remove(&wire.id);
        }
        Some(flight.parcel)
    }

    /// Takes back a request that has not left.
    pub(crate) fn take_back(&mut self, mid: u16) -> Option<Request> {
        let place = self.requests.iter().position(|flight| flight.request.mid() == mid && flight.ids.is_none())?;
        Some(self.requests.remove(place).request)
    }

    pub(crate) fn answered(&mut self, ack: &Ack) -> (Verdict, Option<Landed>) {
        match ack.kind {
            AckKind::Suback | AckKind::Unsuback => self.request_answered(ack),
            AckKind::Puback | AckKind::Pubrec | AckKind::Pubcomp => self.message_answered(ack),
        }
    }

    fn request_answered(&mut self, ack: &Ack) -> (Verdict, Option<Landed>) {
        let wanted = |flight: &RequestFlight| flight.ids.is_some_and(|(_, wire)| wire == ack.id);
        let Some(place) = self.requests.iter().position(wanted) else {
            return (Verdict::Unknown, None);
        };
        let subscribe = matches!(self.requests[place].request, Request::Subscribe { .. });
        if subscribe != (ack.kind == AckKind::Suback) {
            return (Verdict::Violation("an answer of the wrong kind to a subscription"), None);
        }
        if !ack.codes.is_empty() && ack.codes.len() != self.requests[place].request.len() {
            return (Verdict::Violation("an answer with another number of codes than there were filters"), None);
        }
        let flight = self.requests.remove(place);
        let engine_id = flight.ids.map_or(0, |(engine, _)| engine);
        (Verdict::Forward { engine_id }, Some(Landed::Request(flight.request)))
    }

    fn message_answered(&mut self, ack: &Ack) -> (Verdict, Option<Landed>) {
        let Some(&ticket) = self.by_wire.get(&ack.id) else {
            return (Verdict::Unknown, None);
        };
        // Known from the last connection, and not sent again yet, or just on its way through the engine.
        let Some(flight) = self.messages.get_mut(&ticket).filter(|flight| flight.engine_id != 0) else {
            return (Verdict::Unknown, None);
        };
        let engine_id = flight.engine_id;
        let failed = ack.codes.first().is_some_and(|&code| code >= 0x80);
        let received = flight.parcel.wire.is_some_and(|wire| wire.received);
        let done = match (ack.kind, flight.parcel.letter.qos) {
            (AckKind::Puback, Qos::AtLeastOnce) => true,
            (AckKind::Pubcomp, Qos::ExactlyOnce) if received => true,
            (AckKind::Pubrec, Qos::ExactlyOnce) => {
                if let Some(wire) = flight.parcel.wire.as_mut() {
                    wire.received = true;
                }
                failed
            }
            _ => return (Verdict::Violation("an answer of the wrong kind to a message"), None),
        };
        let landed = if done { self.land(ticket).map(Landed::Message) } else { None };
        (Verdict::Forward { engine_id }, landed)
    }

    /// Takes everything back from the engine, in order; packet ids on the wire stay reserved.
    pub(crate) fn ground(&mut self) -> (Vec<Parcel>, Vec<Request>) {
        let parcels = std::mem::take(&mut self.messages).into_values().map(|flight| flight.parcel).collect();
        let requests = self.requests.drain(..).map(|flight| flight.request).collect();
        (parcels, requests)
    }

    /// The broker has no memory of earlier exchanges.
    pub(crate) fn forget_session(&mut self) {
        self.by_wire.clear();
    }
}
