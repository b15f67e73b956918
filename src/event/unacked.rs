//! The messages that the program has yet to acknowledge itself (`manual_ack_set`).

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::sync::lock;
use crate::types::{Message, Qos};

/// What holds back acknowledgements, beside callbacks that have not returned.
///
/// PUBACK and PUBREC go out in the order of the wire (MQTT-4.6.0-2, MQTT-4.6.0-3): the first message that is not acknowledged
/// holds back the answers to those behind it.
#[derive(Debug)]
pub(crate) struct Unacked {
    /// The program acknowledges itself.
    on: AtomicBool,
    /// The number of the first message that waits; the highest there is when none does.
    first: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// In the order of delivery.
    messages: VecDeque<Held>,
    /// Messages up to this number belong to a session that is gone.
    forgotten: u64,
}

/// A message that waits for its `ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    number: u64,
    mid: u16,
    qos: Qos,
}

impl Default for Unacked {
    fn default() -> Self {
        Unacked { on: AtomicBool::new(false), first: AtomicU64::new(u64::MAX), waiting: Mutex::default() }
    }
}

impl Unacked {
    pub(crate) fn set(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// The callbacks of a message are about to run: it waits for the program from now on.
    pub(crate) fn hold(&self, message: &Message) {
        let Message { number, mid, qos, .. } = *message;
        self.change(|waiting| {
            if number > waiting.forgotten {
                waiting.messages.push_back(Held { number, mid, qos });
            }
        });
    }

    /// A message waits no more; `false` when it did not.
    pub(crate) fn release(&self, number: u64) -> bool {
        self.remove(|held| held.number == number)
    }

    /// As [`release`](Self::release), for the message with this packet id.
    pub(crate) fn release_id(&self, mid: u16, qos: Qos) -> bool {
        self.remove(|held| held.mid == mid && held.qos == qos)
    }

    fn remove(&self, is_it: impl Fn(&Held) -> bool) -> bool {
        self.change(|waiting| {
            let place = waiting.messages.iter().position(is_it);
            place.and_then(|place| waiting.messages.remove(place)).is_some()
        })
    }

    /// A connection stands. Where the broker has `kept` the session it repeats what was not acknowledged, and messages of
    /// QoS 1 whose callbacks have returned, up to number `handled`, are delivered again: their numbers are given back.
    /// Otherwise nothing up to number `delivered` can be acknowledged any more.
    pub(crate) fn connected(&self, kept: bool, handled: u64, delivered: u64) -> Vec<u64> {
        self.change(|waiting| {
            if !kept {
                waiting.forgotten = delivered;
                waiting.messages.retain(|held| held.number > delivered);
                return Vec::new();
            }
            let comes_again = |held: &Held| held.qos == Qos::AtLeastOnce && held.number <= handled;
            let again = waiting.messages.iter().filter(|held| comes_again(held)).map(|held| held.number).collect();
            waiting.messages.retain(|held| !comes_again(held));
            again
        })
    }

    /// Of the messages up to `handled`, whose callbacks have returned, those that may be acknowledged now.
    pub(crate) fn limit(&self, handled: u64) -> u64 {
        handled.min(self.first.load(Ordering::SeqCst) - 1)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Waiting) -> R) -> R {
        let mut waiting = lock(&self.waiting);
        let done = change(&mut waiting);
        let first = waiting.messages.front().map_or(u64::MAX, |held| held.number);
        self.first.store(first, Ordering::SeqCst);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(messages: &[(u64, u16, Qos)]) -> Unacked {
        let unacked = Unacked::default();
        for &(number, mid, qos) in messages {
            let mut message = Message::new("t", "").with_mid(mid).with_qos(qos);
            message.number = number;
            unacked.hold(&message);
        }
        unacked
    }

    #[test]
    fn the_first_that_waits_holds_back_those_behind_it() {
        let unacked = holding(&[(1, 11, Qos::AtLeastOnce), (2, 12, Qos::ExactlyOnce), (3, 13, Qos::AtLeastOnce)]);
        assert!(unacked.release_id(13, Qos::AtLeastOnce) && !unacked.release_id(13, Qos::AtLeastOnce));
        assert_eq!(unacked.limit(5), 0);
        assert!(!unacked.release_id(11, Qos::ExactlyOnce), "another QoS, another message");
        assert!(unacked.release_id(11, Qos::AtLeastOnce));
        assert_eq!(unacked.limit(5), 1);
        assert!(unacked.release(2));
        assert_eq!((unacked.limit(5), unacked.limit(2)), (5, 2));
    }

    #[test]
    fn a_session_that_is_there_delivers_qos_1_again() {
        let messages = [(1, 11, Qos::AtLeastOnce), (2, 12, Qos::ExactlyOnce), (3, 13, Qos::AtLeastOnce)];
        let unacked = holding(&messages);
        assert_eq!(unacked.connected(true, 2, 3), [1], "3 is in its callback");
        assert!(!unacked.release_id(11, Qos::AtLeastOnce) && unacked.limit(3) == 1);
        assert!(unacked.release(2) && unacked.release(3));
    }

    #[test]
    fn a_session_that_is_gone_holds_back_nothing_and_takes_no_answer() {
        let unacked = holding(&[(1, 11, Qos::AtLeastOnce), (2, 12, Qos::ExactlyOnce)]);
        assert!(unacked.connected(false, 2, 3).is_empty());
        assert!(!unacked.release(1) && !unacked.release(2) && unacked.limit(9) == 9);
        let mut late = Message::new("t", "").with_mid(13).with_qos(Qos::AtLeastOnce);
        late.number = 3;
        unacked.hold(&late);
        assert_eq!(unacked.limit(9), 9, "it came before the session was lost");
    }
}
