//! Events whose ticket is on its way through Paho.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::event::{Event, EventQueue};
use crate::sync::lock;

/// Events in the order of the wire, between the session and the event queue. Lock order: this, then the queue.
#[derive(Debug)]
pub(super) struct Transit {
    queue: Arc<EventQueue>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Each with the ticket that lets it out: a message's own, or that of the message before.
    waiting: VecDeque<(u64, Event)>,
    /// The last ticket given out.
    last: u64,
    /// Let out and not in the queue yet; empty between calls.
    released: Vec<Event>,
}

impl Transit {
    pub(super) fn new(queue: Arc<EventQueue>) -> Self {
        Transit { queue, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Takes the events in and gives each message a ticket. What has no message before it goes straight to the queue.
    /// Returns the last ticket there is.
    pub(super) fn enter(&self, events: &mut Vec<Event>) -> u64 {
        let mut state = self.lock();
        for event in events.drain(..) {
            let is_message = matches!(event, Event::Message { .. });
            if is_message {
                state.last += 1;
            }
            if is_message || !state.waiting.is_empty() {
                let ticket = state.last;
                state.waiting.push_back((ticket, event));
            } else {
                state.released.push(event);
            }
        }
        let last = state.last;
        self.let_out(state);
        last
    }

    /// Ticket `ticket` has come back, or never will: lets out all events up to it.
    pub(super) fn release(&self, ticket: u64) {
        let mut state = self.lock();
        let State { waiting, released, .. } = &mut *state;
        while waiting.front().is_some_and(|(number, _)| *number <= ticket) {
            released.extend(waiting.pop_front().map(|(_, event)| event));
        }
        self.let_out(state);
    }

    fn let_out(&self, mut state: MutexGuard<'_, State>) {
        if !state.released.is_empty() {
            self.queue.append(&mut state.released);
        }
    }
}
