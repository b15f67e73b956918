//! The queue between the network and the event loop, in the order of the wire.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use crate::event::Event;
use crate::event::log_tap::LogTap;
use crate::event::unacked::Unacked;
use crate::mqtt::Completion;
use crate::sync::{lock, wait};

/// Bytes of messages that may wait for the callbacks before the broker is kept waiting.
const ROOM: usize = 16 * 1024 * 1024;

/// Events of one client, waiting for its loop.
///
/// The network appends a batch at a time, and the loop takes all there is at once, so that neither waits for the other
/// at each event. Lock order: `taken`, then `arrived`.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    /// What the loop has taken over; hardly anybody but the thread that runs the loop is interested.
    taken: Mutex<Taken>,
    arrived: Mutex<Arrived>,
    changed: Condvar,
    /// Events in the queue, and those on their way into it.
    len: AtomicUsize,
    /// The loop is dealing with an event.
    dealing: AtomicBool,
    /// Bytes of messages that were received and whose callbacks have not returned.
    bytes: AtomicUsize,
    /// The broker was kept waiting for want of room.
    full: AtomicBool,
    /// Callers inside callbacks that wait for an answer of the broker: room or not, it must come in.
    urgent: AtomicUsize,
    /// The number of the last message whose callbacks have returned.
    handled: AtomicU64,
    /// Who listens to the log.
    pub(crate) log: LogTap,
    /// Messages that the program acknowledges itself.
    pub(crate) unacked: Unacked,
    /// How often a loop has looked for events.
    looked: AtomicU64,
    /// A callback has been registered.
    has_callbacks: AtomicBool,
    /// `on_publish` is registered.
    has_on_publish: AtomicBool,
}

#[derive(Debug, Default)]
struct Taken {
    events: VecDeque<Event>,
    /// The message whose `on_publish` is running.
    reporting: Option<Arc<Completion>>,
}

#[derive(Default)]
struct Arrived {
    events: VecDeque<Event>,
    poked: bool,
    /// The loop sleeps: whoever brings something must wake it. Waking costs a system call, also for nothing.
    asleep: bool,
    /// The loop runs on a pool's threads.
    pooled: Option<Arc<dyn WakeLoop>>,
}

impl std::fmt::Debug for Arrived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrived").field("events", &self.events).field("poked", &self.poked).finish_non_exhaustive()
    }
}

/// Has a loop run that does not wait in [`EventQueue::pop`]. Called with no lock of the queue's held.
pub(crate) trait WakeLoop: Send + Sync {
    fn wake(&self);
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
    fn wake(&self, arrived: MutexGuard<'_, Arrived>) {
        let asleep = arrived.asleep;
        let pooled = arrived.pooled.clone();
        drop(arrived);
        if asleep {
            self.changed.notify_one();
        }
        if let Some(pooled) = pooled {
            pooled.wake();
        }
    }

    /// From now on the loop runs where `pooled` has it run, or in [`pop`](Self::pop) again.
    pub(crate) fn pooled_set(&self, pooled: Option<Arc<dyn WakeLoop>>) {
        let old = std::mem::replace(&mut lock(&self.arrived).pooled, pooled);
        drop(old);
    }

    /// Puts an event behind all others.
    #[cfg(test)]
    pub(crate) fn push(&self, event: Event) {
        self.expect(1);
        self.append(&mut vec![event]);
    }

    /// So many events are on their way into the queue; nobody may think that all is done.
    pub(crate) fn expect(&self, count: usize) {
        self.len.fetch_add(count, Ordering::SeqCst);
    }

    /// Puts events behind all others, in order. Each has been [expected](Self::expect).
    pub(crate) fn append(&self, events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut arrived = lock(&self.arrived);
        arrived.events.extend(events.drain(..));
        self.wake(arrived);
    }

    /// Messages of `bytes` have been received, on their way into the queue.
    pub(crate) fn received(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// The callbacks of an event have returned: `number` and `size` are those of its message.
    pub(crate) fn handled(&self, number: u64, size: usize) {
        if number > 0 {
            self.handled.store(number, Ordering::SeqCst);
        }
        if size > 0 {
            self.bytes.fetch_sub(size, Ordering::SeqCst);
        }
    }

    /// The number of the last message whose callbacks have returned.
    pub(crate) fn last_handled(&self) -> u64 {
        self.handled.load(Ordering::SeqCst)
    }

    /// The number up to which messages are to be acknowledged: their callbacks have returned, and the program has
    /// acknowledged those that wait for it.
    pub(crate) fn last_acknowledged(&self) -> u64 {
        self.unacked.limit(self.last_handled())
    }

    /// Whether messages may come in.
    pub(crate) fn has_room(&self) -> bool {
        let room = || self.bytes.load(Ordering::SeqCst) < ROOM || self.urgent.load(Ordering::SeqCst) > 0;
        if room() {
            return true;
        }
        self.full.store(true, Ordering::SeqCst);
        // The loop may have made room just before it could see that the broker is kept waiting.
        room()
    }

    /// Whether the broker was kept waiting and need not any more; asked after each event.
    pub(crate) fn regained_room(&self) -> bool {
        self.full.load(Ordering::SeqCst)
            && self.bytes.load(Ordering::SeqCst) < ROOM / 2
            && self.full.swap(false, Ordering::SeqCst)
    }

    /// Lets everything in while the guard lives; `true` when the broker was kept waiting.
    pub(crate) fn urgent(&self) -> (Urgent<'_>, bool) {
        self.urgent.fetch_add(1, Ordering::SeqCst);
        (Urgent(self), self.full.swap(false, Ordering::SeqCst))
    }

    /// A callback has been registered: somebody expects the loop to run.
    pub(crate) fn expect_loop(&self) {
        self.has_callbacks.store(true, Ordering::Release);
    }

    /// How often a loop has looked for events.
    pub(crate) fn looked(&self) -> u64 {
        self.looked.load(Ordering::Relaxed)
    }

    /// Whether callbacks are registered and something waits for them, and no loop has looked for events since
    /// [`looked`](Self::looked) gave `before`.
    pub(crate) fn is_unserved(&self, before: u64) -> bool {
        self.has_callbacks.load(Ordering::Acquire) && self.len() > 0 && self.looked() == before
    }

    /// `on_publish` has been registered or removed.
    pub(crate) fn on_publish_set(&self, registered: bool) {
        self.has_on_publish.store(registered, Ordering::SeqCst);
    }

    /// Whether confirmations are of interest to the loop.
    pub(crate) fn has_on_publish(&self) -> bool {
        self.has_on_publish.load(Ordering::SeqCst)
    }

    /// The completions whose `on_publish` has yet to return.
    pub(crate) fn unreported(&self) -> Vec<Arc<Completion>> {
        let (taken, arrived) = (lock(&self.taken), lock(&self.arrived));
        let published = |event: &Event| match event {
            Event::Published { completion, .. } => Some(Arc::clone(completion)),
            _ => None,
        };
        let waiting = taken.events.iter().chain(&arrived.events).filter_map(published);
        taken.reporting.iter().cloned().chain(waiting).collect()
    }

    /// Has the loop look around.
    pub(crate) fn poke(&self) {
        let mut arrived = lock(&self.arrived);
        arrived.poked = true;
        self.wake(arrived);
    }

    /// How many events are in the queue or on their way into it.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    /// The event that [`pop`](Self::pop) gave is dealt with.
    pub(crate) fn dealt(&self) {
        self.dealing.store(false, Ordering::Release);
    }

    /// Whether there is no event, and the callbacks of all there were have returned.
    pub(crate) fn is_done(&self) -> bool {
        self.len() == 0 && !self.dealing.load(Ordering::Acquire)
    }

    /// Whether there is an event in the queue, not only on its way.
    pub(crate) fn has_arrived(&self) -> bool {
        let (taken, arrived) = (lock(&self.taken), lock(&self.arrived));
        !taken.events.is_empty() || !arrived.events.is_empty()
    }

    /// The next event, waited for until `deadline`. Only the thread that runs the loop calls this.
    pub(crate) fn pop(&self, deadline: Option<Instant>) -> Popped {
        // One thread at a time counts.
        self.looked.store(self.looked() + 1, Ordering::Relaxed);
        loop {
            let mut taken = lock(&self.taken);
            if taken.events.is_empty() {
                std::mem::swap(&mut taken.events, &mut lock(&self.arrived).events);
            }
            if let Some(event) = taken.events.pop_front() {
                taken.reporting = match &event {
                    Event::Published { completion, .. } => Some(Arc::clone(completion)),
                    _ => None,
                };
                // Whoever sees that it is gone from the queue sees that it is dealt with.
                self.dealing.store(true, Ordering::Relaxed);
                self.len.fetch_sub(1, Ordering::SeqCst);
                return Popped::Event(event);
            }
            drop(taken);
            let mut arrived = lock(&self.arrived);
            if !arrived.events.is_empty() {
                continue;
            }
            if std::mem::take(&mut arrived.poked) {
                return Popped::Poked;
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Popped::TimedOut;
            }
            arrived.asleep = true;
            arrived = wait(&self.changed, arrived, deadline);
            arrived.asleep = false;
        }
    }
}

/// Keeps the queue open for all that comes in.
#[derive(Debug)]
pub(crate) struct Urgent<'a>(&'a EventQueue);

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        self.0.urgent.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Error;

    fn marker(id: u64) -> Event {
        Event::ConnectFailed { id, error: Error::Dropped }
    }

    /// What comes out without waiting.
    fn drain(queue: &EventQueue) -> Vec<u64> {
        let mut seen = Vec::new();
        while let Popped::Event(Event::ConnectFailed { id, .. }) = queue.pop(Some(Instant::now())) {
            seen.push(id);
        }
        seen
    }

    #[test]
    fn events_keep_their_order() {
        let queue = EventQueue::default();
        queue.push(marker(1));
        queue.expect(2);
        queue.append(&mut vec![marker(2), marker(3)]);
        assert!(matches!(queue.pop(None), Popped::Event(_)));
        queue.push(marker(4));
        assert_eq!(queue.len(), 3);
        assert_eq!(drain(&queue), [2, 3, 4]);
        assert_eq!(queue.len(), 0);
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
        queue.received(ROOM);
        assert!(!queue.has_room());
        assert!(queue.urgent().1, "the broker was kept waiting");
        let (_in_need, _) = queue.urgent();
        assert!(queue.has_room());
    }

    #[test]
    fn room_counts_until_the_callbacks_have_returned() {
        let queue = EventQueue::default();
        queue.received(ROOM);
        assert!(!queue.has_room() && !queue.regained_room());
        queue.handled(7, ROOM);
        assert!(queue.regained_room() && queue.has_room());
        assert_eq!(queue.last_handled(), 7);
    }
}
