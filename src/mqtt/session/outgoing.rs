//! The exchanges that we began: messages of QoS 1 and 2 in flight, and requests without an answer.

use std::collections::VecDeque;

use crate::mqtt::session::suspects::Suspect;
use crate::mqtt::{OutgoingMessage, Request, message_id};
use crate::types::Qos;

/// Finished exchanges that may stand between unfinished ones before they are cleared away.
const FINISHED: usize = 64;

/// Which answer an exchange awaits (MQTT 5, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaiting {
    Puback,
    Pubrec,
    Pubcomp,
}

/// One message in flight.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) message: OutgoingMessage,
    pub(crate) awaiting: Awaiting,
    /// A PUBLISH of it has gone out before, in a session that the broker may know.
    pub(crate) dup: bool,
    /// Where its last packet on this connection ends in the stream; `None` while it has yet to be resumed.
    pub(crate) end: Option<u64>,
    /// It is not to be resumed in its turn: it is suspect, or behind what is.
    held: bool,
}

impl Exchange {
    fn new(message: OutgoingMessage, dup: bool, end: u64) -> Self {
        Exchange { awaiting: first_answer(message.qos), message, dup, end: Some(end), held: false }
    }
}

/// A place in the order of exchanges; empty once the exchange is finished.
#[derive(Debug)]
struct Place {
    sequence: u64,
    exchange: Option<Exchange>,
}

/// How the exchanges go on with a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumption {
    /// The broker has kept the session: PUBLISH with DUP, or PUBREL.
    Continue,
    /// MQTT 3.1.1 without a session: PUBLISH with DUP for all, as paho-python does.
    Repeat,
    /// Another broker, or MQTT 5 without a session: nothing has happened yet.
    Anew,
}

/// Everything of ours that the broker has yet to answer.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// In the order of acceptance.
    places: VecDeque<Place>,
    /// The next place to be resumed: those before it were sent on this connection, or are held.
    next: usize,
    /// Unfinished exchanges that were sent on this connection.
    open: usize,
    finished: usize,
    /// Sent on this connection, each with where it ends in the stream.
    requests: Vec<(u64, Request)>,
}

impl Outgoing {
    /// Messages in flight on this connection.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// Messages and requests without an answer on this connection.
    pub(crate) fn unanswered(&self) -> usize {
        self.open + self.requests.len()
    }

    /// Whether nothing awaits an answer.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.len() == self.finished && self.requests.is_empty()
    }

    /// Whether an exchange or a request that is not finished has the message id of `sequence`.
    pub(crate) fn uses_id(&self, sequence: u64) -> bool {
        let near = self.places.front().is_none_or(|first| sequence.abs_diff(first.sequence) < u64::from(u16::MAX));
        let id = message_id(sequence);
        (!near && self.find(id).is_some()) || self.requests.iter().any(|(_, request)| request.id() == id)
    }

    /// A message is being sent for the first time; in the stream it ends at `end`.
    pub(crate) fn begin(&mut self, message: OutgoingMessage, dup: bool, end: u64) {
        let sequence = message.sequence;
        // Behind all others, unless it was held.
        let at = match self.places.back() {
            Some(last) if last.sequence > sequence => self.place_of(sequence).unwrap_or_else(|place| place),
            _ => self.places.len(),
        };
        self.places.insert(at, Place { sequence, exchange: Some(Exchange::new(message, dup, end)) });
        self.open += 1;
        self.next += usize::from(at < self.next);
        self.move_next();
    }

    pub(crate) fn begin_request(&mut self, request: Request, end: u64) {
        self.requests.push((end, request));
    }

    /// The place of a sequence, or where it would be.
    fn place_of(&self, sequence: u64) -> Result<usize, usize> {
        self.places.binary_search_by_key(&sequence, |place| place.sequence)
    }

    /// Passes over what is not to be resumed.
    fn move_next(&mut self) {
        let is_to_be_resumed =
            |place: &Place| place.exchange.as_ref().is_some_and(|exchange| exchange.end.is_none() && !exchange.held);
        while self.places.get(self.next).is_some_and(|place| !is_to_be_resumed(place)) {
            self.next += 1;
        }
    }

    /// Where the exchange of packet `id` stands, if one is unfinished.
    fn find(&self, id: u16) -> Option<usize> {
        let (first, last) = (self.places.front()?.sequence, self.places.back()?.sequence);
        let ids = u64::from(u16::MAX);
        let distance = (u64::from(id) + ids - u64::from(message_id(first))) % ids;
        // Sequences with this id are 65,535 apart; more than one only where an old exchange hangs.
        (0..).map(|turn| first + distance + turn * ids).take_while(|sequence| *sequence <= last).find_map(|sequence| {
            let place = if distance == 0 && sequence == first { 0 } else { self.place_of(sequence).ok()? };
            self.places[place].exchange.is_some().then_some(place)
        })
    }

    /// The unfinished exchange of packet `id` that was sent on this connection.
    pub(crate) fn sent_exchange(&mut self, id: u16) -> Option<&mut Exchange> {
        let place = self.find(id)?;
        self.places[place].exchange.as_mut().filter(|exchange| exchange.end.is_some())
    }

    /// Whether packet `id` belongs to an exchange that is yet to be resumed.
    pub(crate) fn is_to_be_resumed(&self, id: u16) -> bool {
        let place = self.find(id).and_then(|place| self.places[place].exchange.as_ref());
        place.is_some_and(|exchange| exchange.end.is_none())
    }

    /// The exchange of packet `id`, sent on this connection, is finished.
    pub(crate) fn finish(&mut self, id: u16) -> Option<OutgoingMessage> {
        let place = self.find(id)?;
        let exchange = self.places[place].exchange.take_if(|exchange| exchange.end.is_some())?;
        self.open -= 1;
        self.finished += 1;
        while self.places.front().is_some_and(|first| first.exchange.is_none()) {
            self.places.pop_front();
            self.finished -= 1;
            self.next -= 1;
        }
        if self.finished > FINISHED + self.places.len() / 2 {
            // Only where an old exchange hangs while others finish behind it.
            self.next = self.places.iter().take(self.next).filter(|place| place.exchange.is_some()).count();
            self.places.retain(|place| place.exchange.is_some());
            self.finished = 0;
        }
        Some(exchange.message)
    }

    /// The unanswered request of packet `id`.
    pub(crate) fn request(&self, id: u16) -> Option<&Request> {
        self.requests.iter().map(|(_, request)| request).find(|request| request.id() == id)
    }

    /// The request of packet `id` is answered.
    pub(crate) fn finish_request(&mut self, id: u16) -> Option<Request> {
        let place = self.requests.iter().position(|(_, request)| request.id() == id)?;
        Some(self.requests.remove(place).1)
    }

    /// Of all that was sent on this connection and has no answer, what came first, if it is among the first `written`
    /// bytes.
    pub(crate) fn oldest(&self, written: u64) -> Option<Suspect> {
        let exchanges = self.places.iter().filter_map(|place| place.exchange.as_ref());
        let exchange = exchanges.filter_map(|exchange| Some((exchange.end?, exchange))).min_by_key(|(end, _)| *end);
        let request = self.requests.first();
        match (exchange, request) {
            (Some((end, exchange)), request) if request.is_none_or(|(later, _)| end < *later) => {
                (end <= written).then(|| Suspect::message(&exchange.message))
            }
            (_, Some((end, request))) => (*end <= written).then(|| Suspect::request(request)),
            _ => None,
        }
    }

    /// The connection is gone: every exchange is to be resumed, and the requests are given back.
    pub(crate) fn disconnected(&mut self) -> Vec<Request> {
        self.places.retain(|place| place.exchange.is_some());
        self.places.iter_mut().filter_map(|place| place.exchange.as_mut()).for_each(|exchange| exchange.end = None);
        (self.next, self.open, self.finished) = (0, 0, 0);
        self.move_next();
        std::mem::take(&mut self.requests).into_iter().map(|(_, request)| request).collect()
    }

    /// Says of each exchange whether it is held.
    pub(crate) fn hold(&mut self, held: impl Fn(&OutgoingMessage) -> bool) {
        for exchange in self.places.iter_mut().filter_map(|place| place.exchange.as_mut()) {
            exchange.held = held(&exchange.message);
        }
        self.next = 0;
        self.move_next();
    }

    /// A connection stands: decides how each exchange goes on.
    pub(crate) fn resume(&mut self, how: Resumption) {
        for exchange in self.places.iter_mut().filter_map(|place| place.exchange.as_mut()) {
            exchange.dup = how != Resumption::Anew;
            if how != Resumption::Continue {
                exchange.awaiting = first_answer(exchange.message.qos);
            }
        }
    }

    /// The sequence of the next exchange to be resumed.
    pub(crate) fn next_to_resume(&self) -> Option<u64> {
        self.places.get(self.next).map(|place| place.sequence)
    }

    /// The exchange of a message that is to be resumed, which is being sent now: its end is to be set.
    pub(crate) fn resume_one(&mut self, sequence: u64) -> Option<&mut Exchange> {
        let place = self.place_of(sequence).ok()?;
        self.places[place].exchange.as_mut().filter(|exchange| exchange.end.is_none())?.end = Some(0);
        self.open += 1;
        self.move_next();
        self.places[place].exchange.as_mut()
    }

    /// Gives up the exchange of a message that was not sent on this connection.
    pub(crate) fn give_up(&mut self, sequence: u64) -> Option<OutgoingMessage> {
        let place = self.place_of(sequence).ok()?;
        self.resume_one(sequence)?;
        let id = self.places[place].exchange.as_ref()?.message.id();
        self.finish(id)
    }

    /// Forgets messages, but for those to `keep`, and gives them back in order.
    pub(crate) fn take_back(&mut self, keep: impl Fn(&OutgoingMessage) -> bool) -> Vec<OutgoingMessage> {
        let mut taken = Vec::new();
        for place in std::mem::take(&mut self.places) {
            match place.exchange {
                Some(exchange) if !keep(&exchange.message) => taken.push(exchange.message),
                Some(_) => self.places.push_back(place),
                None => {}
            }
        }
        let is_sent = |place: &&Place| place.exchange.as_ref().is_some_and(|exchange| exchange.end.is_some());
        (self.next, self.open, self.finished) = (0, self.places.iter().filter(is_sent).count(), 0);
        self.move_next();
        taken
    }
}

fn first_answer(qos: Qos) -> Awaiting {
    match qos {
        Qos::ExactlyOnce => Awaiting::Pubrec,
        _ => Awaiting::Puback,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::testing::message;

    fn in_flight(sequences: impl IntoIterator<Item = u64>) -> Outgoing {
        let mut outgoing = Outgoing::default();
        sequences.into_iter().for_each(|sequence| outgoing.begin(message(sequence, Qos::AtLeastOnce), false, 0));
        outgoing
    }

    #[test]
    fn finds_exchanges_by_their_packet_id() {
        let mut outgoing = in_flight([3, 4, 7, 65_540]);
        // 65,540 has packet id 5.
        assert_eq!(outgoing.finish(5).map(|message| message.sequence), Some(65_540));
        assert!(outgoing.finish(5).is_none() && outgoing.finish(6).is_none() && outgoing.finish(2).is_none());
        assert_eq!(
            [4, 3, 7].map(|id| outgoing.finish(id).map(|message| message.sequence)),
            [Some(4), Some(3), Some(7)]
        );
        assert!(outgoing.is_empty() && outgoing.open() == 0);
    }

    #[test]
    fn an_exchange_that_hangs_keeps_its_id_and_costs_no_memory() {
        let mut outgoing = in_flight([1]);
        for sequence in 2..200_000 {
            if !outgoing.uses_id(sequence) {
                outgoing.begin(message(sequence, Qos::AtLeastOnce), false, 0);
                assert!(outgoing.finish(message_id(sequence)).is_some());
            }
        }
        assert!(outgoing.uses_id(65_536) && !outgoing.uses_id(65_537));
        assert_eq!(outgoing.finish(1).map(|message| message.sequence), Some(1));
        assert!(outgoing.places.capacity() < 1000);
    }

    #[test]
    fn what_is_taken_back_leaves_the_rest_in_its_place() {
        let mut outgoing = in_flight([1, 2, 3, 4]);
        outgoing.disconnected();
        outgoing.resume(Resumption::Continue);
        assert!(outgoing.resume_one(1).is_some() && outgoing.resume_one(2).is_some());
        let taken = outgoing.take_back(|message| message.sequence % 2 == 0);
        assert_eq!(taken.iter().map(|message| message.sequence).collect::<Vec<_>>(), [1, 3]);
        assert_eq!((outgoing.open(), outgoing.next_to_resume()), (1, Some(4)));
        assert!(outgoing.finish(1).is_none() && outgoing.finish(2).is_some());
    }

    #[test]
    fn what_is_to_be_resumed_has_not_been_sent() {
        let mut outgoing = in_flight([1, 2]);
        outgoing.disconnected();
        outgoing.resume(Resumption::Continue);
        assert!(outgoing.finish(1).is_none() && outgoing.is_to_be_resumed(1));
        assert_eq!(outgoing.next_to_resume(), Some(1));
        assert!(outgoing.resume_one(1).is_some_and(|exchange| exchange.dup));
        assert!(outgoing.finish(1).is_some() && outgoing.finish(2).is_none());
        assert_eq!(outgoing.next_to_resume(), Some(2));
    }
}
