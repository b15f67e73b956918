//! The exchanges that we began: messages of QoS 1 and 2 in flight, and requests without an answer.

use std::collections::VecDeque;

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
    /// Exchanges before this place have been sent on this connection.
    sent: usize,
    /// Unfinished exchanges among them.
    open: usize,
    finished: usize,
    /// Sent on this connection.
    requests: Vec<Request>,
}

impl Outgoing {
    /// Messages in flight on this connection.
    pub(crate) fn open(&self) -> usize {
        self.open
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
        (!near && self.find(id).is_some()) || self.requests.iter().any(|request| request.id() == id)
    }

    /// A message is being sent for the first time.
    pub(crate) fn begin(&mut self, message: OutgoingMessage, dup: bool) {
        let awaiting = first_answer(message.qos);
        debug_assert!(self.sent == self.places.len(), "what is resumed goes first");
        self.places
            .push_back(Place { sequence: message.sequence, exchange: Some(Exchange { message, awaiting, dup }) });
        self.sent = self.places.len();
        self.open += 1;
    }

    pub(crate) fn begin_request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// Where the exchange of packet `id` stands, if one is unfinished.
    fn find(&self, id: u16) -> Option<usize> {
        let (first, last) = (self.places.front()?.sequence, self.places.back()?.sequence);
        let ids = u64::from(u16::MAX);
        let distance = (u64::from(id) + ids - u64::from(message_id(first))) % ids;
        // Sequences with this id are 65,535 apart; more than one only where an old exchange hangs.
        (0..).map(|turn| first + distance + turn * ids).take_while(|sequence| *sequence <= last).find_map(|sequence| {
            let place = if distance == 0 && sequence == first {
                0
            } else {
                self.places.binary_search_by_key(&sequence, |place| place.sequence).ok()?
            };
            self.places[place].exchange.is_some().then_some(place)
        })
    }

    /// The unfinished exchange of packet `id` that was sent on this connection.
    pub(crate) fn sent_exchange(&mut self, id: u16) -> Option<&mut Exchange> {
        let place = self.find(id).filter(|place| *place < self.sent)?;
        self.places[place].exchange.as_mut()
    }

    /// Whether packet `id` belongs to an exchange that is yet to be resumed.
    pub(crate) fn is_to_be_resumed(&self, id: u16) -> bool {
        self.find(id).is_some_and(|place| place >= self.sent)
    }

    /// The exchange of packet `id` is finished.
    pub(crate) fn finish(&mut self, id: u16) -> Option<OutgoingMessage> {
        let place = self.find(id).filter(|place| *place < self.sent)?;
        let exchange = self.places[place].exchange.take()?;
        self.open -= 1;
        self.finished += 1;
        while self.places.front().is_some_and(|first| first.exchange.is_none()) {
            self.places.pop_front();
            self.finished -= 1;
            self.sent -= 1;
        }
        if self.finished > FINISHED + self.places.len() / 2 {
            // Only where an old exchange hangs while others finish behind it.
            let sent = self.places.iter().take(self.sent).filter(|place| place.exchange.is_some()).count();
            self.places.retain(|place| place.exchange.is_some());
            (self.sent, self.finished) = (sent, 0);
        }
        Some(exchange.message)
    }

    /// The unanswered request of packet `id`.
    pub(crate) fn request(&self, id: u16) -> Option<&Request> {
        self.requests.iter().find(|request| request.id() == id)
    }

    /// The request of packet `id` is answered.
    pub(crate) fn finish_request(&mut self, id: u16) -> Option<Request> {
        let place = self.requests.iter().position(|request| request.id() == id)?;
        Some(self.requests.remove(place))
    }

    /// The connection is gone: every exchange is to be resumed, and the requests are given back.
    pub(crate) fn disconnected(&mut self) -> Vec<Request> {
        self.places.retain(|place| place.exchange.is_some());
        (self.sent, self.open, self.finished) = (0, 0, 0);
        std::mem::take(&mut self.requests)
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
        self.places.get(self.sent).map(|place| place.sequence)
    }

    /// The next exchange to be resumed, which is being sent now.
    pub(crate) fn resume_next(&mut self) -> Option<&Exchange> {
        let place = self.places.get(self.sent)?;
        self.sent += 1;
        self.open += 1;
        place.exchange.as_ref()
    }

    /// Gives up everything.
    pub(crate) fn abandon(&mut self) -> Vec<OutgoingMessage> {
        let places = std::mem::take(self).places;
        places.into_iter().filter_map(|place| place.exchange).map(|exchange| exchange.message).collect()
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
        sequences.into_iter().for_each(|sequence| outgoing.begin(message(sequence, Qos::AtLeastOnce), false));
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
                outgoing.begin(message(sequence, Qos::AtLeastOnce), false);
                assert!(outgoing.finish(message_id(sequence)).is_some());
            }
        }
        assert!(outgoing.uses_id(65_536) && !outgoing.uses_id(65_537));
        assert_eq!(outgoing.finish(1).map(|message| message.sequence), Some(1));
        assert!(outgoing.places.capacity() < 1000);
    }

    #[test]
    fn what_is_to_be_resumed_has_not_been_sent() {
        let mut outgoing = in_flight([1, 2]);
        outgoing.disconnected();
        outgoing.resume(Resumption::Continue);
        assert!(outgoing.finish(1).is_none() && outgoing.is_to_be_resumed(1));
        assert_eq!(outgoing.resume_next().map(|exchange| (exchange.message.sequence, exchange.dup)), Some((1, true)));
        assert!(outgoing.finish(1).is_some() && outgoing.finish(2).is_none());
        assert_eq!(outgoing.next_to_resume(), Some(2));
    }
}
