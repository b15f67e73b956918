//! The queue between the network's threads and the event loop, in the order of the wire.
//!
//! Answers of the broker come from the link, messages from the engine a moment later. Each answer notes how
//! many messages were on the wire before it, and waits in the queue until these have come.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::event::Event;
use crate::types::Message;

/// Bytes of messages that may wait for the callbacks before the broker is kept waiting.
const ROOM: usize = 16 * 1024 * 1024;
/// What a message costs beside its payload.
const OVERHEAD: usize = 256;

/// Events of one client, waiting for its loop.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    lanes: Mutex<Lanes>,
    changed: Condvar,
    /// Messages that have passed the link so far.
    passed: AtomicU64,
    /// Bytes of the messages in the queue.
    waiting: AtomicUsize,
    /// The broker was kept waiting for want of room.
    full: AtomicBool,
    /// Callers inside callbacks that wait for an answer of the broker: room or not, it must come in.
    urgent: AtomicUsize,
    /// A callback has been registered.
    listening: AtomicBool,
}

#[derive(Debug, Default)]
struct Lanes {
    /// Everything but messages, with the number of messages that go before.
    events: VecDeque<(u64, Event)>,
    /// Messages with their number.
    messages: VecDeque<(u64, Message)>,
    /// Messages below this number have been taken.
    taken: u64,
    /// Messages below this number have come, or never will.
    complete: u64,
    poked: bool,
    /// The loop sleeps: whoever brings something must wake it. Waking costs a system call, also for nothing.
    asleep: bool,
}

/// What `pop` found.
#[derive(Debug)]
pub(crate) enum Popped {
    Event(Event),
    /// Somebody wants the loop to look around.
    Poked,
    TimedOut,
}

impl EventQueue {
    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, lanes: MutexGuard<'_, Lanes>) {
        let asleep = lanes.asleep;
        drop(lanes);
        if asleep {
            self.changed.notify_one();
        }
    }

    /// Puts an event behind everything that has passed the link.
    pub(crate) fn push(&self, event: Event) {
        let after = self.passed.load(Ordering::Acquire);
        let mut lanes = self.lock();
        lanes.events.push_back((after, event));
        self.wake(lanes);
    }

    /// A connection has ended: what has passed and not come by now never will.
    pub(crate) fn complete(&self) {
        let passed = self.passed.load(Ordering::Acquire);
        let mut lanes = self.lock();
        lanes.complete = lanes.complete.max(passed);
        self.wake(lanes);
    }

    /// A message passes the link on its way to the engine.
    pub(crate) fn arriving(&self) {
        self.passed.fetch_add(1, Ordering::AcqRel);
    }

    /// How many messages have passed the link.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Acquire)
    }

    /// The engine delivers message `number`.
    pub(crate) fn push_message(&self, number: u64, message: Message) {
        self.waiting.fetch_add(message.payload.len() + OVERHEAD, Ordering::AcqRel);
        let mut lanes = self.lock();
        lanes.messages.push_back((number, message));
        self.wake(lanes);
    }

    /// Whether messages may come in.
    pub(crate) fn has_room(&self) -> bool {
        let room = || self.waiting.load(Ordering::SeqCst) < ROOM || self.urgent.load(Ordering::SeqCst) > 0;
        if room() {
            return true;
        }
        self.full.store(true, Ordering::SeqCst);
        // The loop may have made room just before it could see that the broker is kept waiting.
        room()
    }

    /// Whether the broker was kept waiting and need not any more; asked after each event taken.
    pub(crate) fn regained_room(&self) -> bool {
        self.full.load(Ordering::SeqCst)
            && self.waiting.load(Ordering::SeqCst) < ROOM / 2
            && self.full.swap(false, Ordering::SeqCst)
    }

    /// Lets everything in while the guard lives; `true` when the broker was kept waiting.
    pub(crate) fn urgent(&self) -> (Urgent<'_>, bool) {
        self.urgent.fetch_add(1, Ordering::SeqCst);
        (Urgent(self), self.full.swap(false, Ordering::SeqCst))
    }

    /// A callback has been registered: somebody expects the loop to run.
    pub(crate) fn listen(&self) {
        self.listening.store(true, Ordering::Release);
    }

    /// Whether callbacks are registered but nobody has taken what waits for them.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.listening.load(Ordering::Acquire) && self.len() > 0
    }

    /// Has the loop look around.
    pub(crate) fn poke(&self) {
        let mut lanes = self.lock();
        lanes.poked = true;
        self.wake(lanes);
    }

    /// How many events are in the queue.
    pub(crate) fn len(&self) -> usize {
        let lanes = self.lock();
        lanes.events.len() + lanes.messages.len()
    }

    /// The next event in the order of the wire, waited for until `deadline`.
    pub(crate) fn pop(&self, deadline: Option<Instant>) -> Popped {
        let mut lanes = self.lock();
        loop {
            if let Some(event) = lanes.take() {
                drop(lanes);
                if let Event::Message(message) = &event {
                    self.waiting.fetch_sub(message.payload.len() + OVERHEAD, Ordering::SeqCst);
                }
                return Popped::Event(event);
            }
            if std::mem::take(&mut lanes.poked) {
                return Popped::Poked;
            }
            lanes.asleep = true;
            lanes = match deadline {
                None => self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        lanes.asleep = false;
                        return Popped::TimedOut;
                    }
                    self.changed.wait_timeout(lanes, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            lanes.asleep = false;
        }
    }
}

impl Lanes {
    fn take(&mut self) -> Option<Event> {
        let message = self.messages.front().map(|(number, _)| *number);
        if let Some(&(after, _)) = self.events.front() {
            let due = match message {
                Some(number) => after <= number,
                None => after <= self.taken.max(self.complete),
            };
            if due {
                return self.events.pop_front().map(|(_, event)| event);
            }
        }
        let (number, message) = self.messages.pop_front()?;
        self.taken = self.taken.max(number + 1);
        Some(Event::Message(message))
    }
}

/// Keeps the queue open for all that comes in.
#[derive(Debug)]
pub(crate) struct Urgent<'a>(&'a EventQueue);

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        self.0.urgent.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Error, PacketType, Properties, ReasonCode};

    fn message(topic: &str) -> Message {
        Message::new(topic, ())
    }

    fn marker(attempt: u64) -> Event {
        Event::ConnectFailed { attempt, error: Error::Dropped }
    }

    /// What comes out without waiting: topics of messages, numbers of markers.
    fn drain(queue: &EventQueue) -> Vec<String> {
        let mut seen = Vec::new();
        while let Popped::Event(event) = queue.pop(Some(Instant::now())) {
            seen.push(match event {
                Event::Message(message) => message.topic,
                Event::ConnectFailed { attempt, .. } => attempt.to_string(),
                _ => "end".to_owned(),
            });
        }
        seen
    }

    #[test]
    fn answers_wait_for_the_messages_before_them() {
        let queue = EventQueue::default();
        queue.push(marker(1));
        queue.arriving();
        queue.push(marker(2));
        queue.arriving();
        queue.push(marker(3));
        assert_eq!(drain(&queue), ["1"]);
        queue.push_message(0, message("a"));
        assert_eq!(drain(&queue), ["a", "2"]);
        queue.push_message(1, message("b"));
        assert_eq!(drain(&queue), ["b", "3"]);
    }

    #[test]
    fn the_end_of_a_connection_does_not_wait_for_messages_that_never_come() {
        let queue = EventQueue::default();
        queue.arriving();
        queue.push(marker(1));
        let code = ReasonCode::new(PacketType::Disconnect, 128);
        queue.complete();
        queue.push(Event::Disconnected { attempt: 1, code, properties: Properties::new(), by_server: false });
        assert_eq!(drain(&queue), ["1", "end"]);
    }

    #[test]
    fn a_poke_wakes_once() {
        let queue = EventQueue::default();
        queue.poke();
        assert!(matches!(queue.pop(None), Popped::Poked));
        assert!(matches!(queue.pop(Some(Instant::now())), Popped::TimedOut));
    }

    #[test]
    fn room_is_bounded_unless_somebody_is_in_need() {
        let queue = EventQueue::default();
        let mut large = message("large");
        large.payload = vec![0; ROOM];
        queue.push_message(0, large);
        assert!(!queue.has_room());
        assert!(queue.urgent().1, "the broker was kept waiting");
        let (_in_need, _) = queue.urgent();
        assert!(queue.has_room());
    }
}
