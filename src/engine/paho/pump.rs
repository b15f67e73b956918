//! Hands the messages of the outbox to Paho: their topics, with their sequence as the payload.
//!
//! Paho's "sent" means that a message is in the socket's buffer, not that the room has read it, and a write that does
//! not fit is tried again once a second. So at most [`WINDOW`] is handed over that the room has not collected.
//!
//! Who hands over: the thread that publishes, where nothing is left to collect; then Paho's sending thread, when it has
//! sent the last of a burst; and Paho's receiving thread, when the room asks for more with a credit. Never the network
//! thread, which must not wait for Paho's process-wide mutex.
//!
//! Why no message is left behind: whoever publishes puts the message into the outbox and then looks at `collected`;
//! the room stores `collected` and then looks into the outbox. One of the two sees the other. Whoever hands over looks
//! at both under the lock under which he gives the hand back, or leaves it to the end of his burst.
//!
//! Lock order: Paho's mutex, the state here, the outbox. Paho is called with none of ours held.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::task::{Context, Wake, Waker};
use std::{fmt, mem};

use paho_mqtt::{AsyncClient, DeliveryToken, Message, QOS_0};

use crate::engine::Intake;
use crate::outbox::Outbox;
use crate::sync::{lock, wait};

use super::leaving::{self, Guest};

/// What may be under way to the room: 64 messages with short topics. A Unix socket holds 278 of them, but three with the
/// longest topics.
const WINDOW: usize = 64 * MESSAGE;
/// What a message counts beside the bytes of its topic.
const MESSAGE: usize = 1024;
/// Messages that are handed over in one go.
const BURST: usize = 32;

/// The ticket up to which everything has been collected when no more will come.
pub(super) const WITHOUT_PAHO: u64 = u64::MAX;

/// The way from the outbox into Paho, for one client.
#[derive(Debug)]
pub(super) struct Pump {
    /// The highest ticket the room has read: all below have come, or never will. [`WITHOUT_PAHO`] at the end.
    collected: AtomicU64,
    /// The highest ticket that has been handed over, or is about to be.
    handed: AtomicU64,
    state: Mutex<State>,
    /// The hand has been put back.
    returned: Condvar,
    /// Has Paho's sending thread go on.
    sent: Waker,
}

#[derive(Debug)]
struct State {
    hand: Place,
    /// Paho is to be left.
    closing: bool,
    /// A credit is on its way.
    asked: bool,
    /// Handed over and not collected: the ticket and what it counts.
    uncollected: VecDeque<(u64, usize)>,
    /// The sum of the above.
    weight: usize,
}

/// Where the hand is. Whoever takes it hands over, alone.
#[derive(Debug)]
enum Place {
    Here(Hand),
    Taken,
    /// Nothing goes through Paho any more.
    Gone,
}

/// What it takes to hand over. Dropped by [`leaving`] alone, never on a thread of Paho's.
pub(super) struct Hand {
    pub(super) client: AsyncClient,
    pub(super) outbox: Arc<Outbox>,
}

impl fmt::Debug for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hand").finish_non_exhaustive()
    }
}

impl Pump {
    /// Nothing is handed over before [`open`](Self::open).
    pub(super) fn new() -> Arc<Self> {
        let state = State { hand: Place::Gone, closing: false, asked: false, uncollected: VecDeque::new(), weight: 0 };
        Arc::new_cyclic(|pump| Pump {
            collected: AtomicU64::new(0),
            handed: AtomicU64::new(0),
            state: Mutex::new(state),
            returned: Condvar::new(),
            sent: Waker::from(Arc::new(Sent(Weak::clone(pump)))),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The client is connected to the room: hands over what waits.
    pub(super) fn open(&self, hand: Hand) {
        let mut state = self.lock();
        state.hand = Place::Here(hand);
        self.hand_over(state);
    }

    /// The room has read all tickets up to `ticket`. Returns whether it is to send a credit.
    pub(super) fn collected(&self, ticket: u64) -> bool {
        self.collected.store(ticket, Ordering::SeqCst);
        let mut state = self.lock();
        state.forget(ticket);
        let Place::Here(hand) = &state.hand else {
            return false;
        };
        if state.asked || state.weight > WINDOW / 2 {
            return false;
        }
        let mut next = Vec::new();
        hand.outbox.waiting_after(self.handed.load(Ordering::SeqCst), 1, &mut next);
        state.asked = !next.is_empty();
        state.asked
    }

    /// A credit has come; called on Paho's receiving thread.
    pub(super) fn credit(&self) {
        let mut state = self.lock();
        state.asked = false;
        self.hand_over(state);
    }

    /// Messages need no ticket any more.
    pub(super) fn without_paho(&self) {
        self.collected.store(WITHOUT_PAHO, Ordering::SeqCst);
        self.lock().closing = true;
    }

    /// Takes the hand away for good, once whoever has it has put it back. `None` when it was gone already.
    pub(super) fn close(&self) -> Option<Hand> {
        let mut state = self.lock();
        state.closing = true;
        while let Place::Taken = state.hand {
            state = wait(&self.returned, state, None);
        }
        match mem::replace(&mut state.hand, Place::Gone) {
            Place::Here(hand) => Some(hand),
            Place::Taken | Place::Gone => None,
        }
    }

    /// Hands over what waits, as far as the window allows, where no other thread is about it.
    fn hand_over(&self, state: MutexGuard<'_, State>) {
        let mut last = self.burst(state);
        while let Some(token) = &mut last {
            // Paho's sending thread goes on, unless it is through already.
            if Pin::new(token).poll(&mut Context::from_waker(&self.sent)).is_pending() {
                return;
            }
            last = self.burst(self.lock());
        }
    }

    /// Hands over a burst. Returns the token of its last message where more may be waiting.
    fn burst<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Option<DeliveryToken> {
        let hand = match mem::replace(&mut state.hand, Place::Taken) {
            Place::Here(hand) => hand,
            elsewhere => {
                state.hand = elsewhere;
                return None;
            }
        };
        let mut last = None;
        let mut left = BURST;
        while left > 0 {
            let messages = match self.next(&mut state, &hand.outbox, left) {
                Next::Messages(messages) => messages,
                Next::Full => break,
                Next::Drained => {
                    last = None;
                    break;
                }
            };
            left -= messages.len();
            drop(state);
            for (ticket, topic) in messages {
                match hand.client.try_publish(Message::new(topic, ticket.to_be_bytes(), QOS_0)) {
                    Ok(token) => last = Some(token),
                    Err(error) => {
                        self.give_up(hand, &error);
                        return None;
                    }
                }
            }
            state = self.lock();
        }
        state.hand = Place::Here(hand);
        if state.closing {
            drop(state);
            self.returned.notify_all();
        }
        last
    }

    /// Takes up to `most` messages that are to be handed over next.
    fn next(&self, state: &mut State, outbox: &Outbox, most: usize) -> Next {
        state.forget(self.collected.load(Ordering::SeqCst));
        let room = WINDOW.saturating_sub(state.weight);
        if state.closing || room < MESSAGE {
            return Next::Full;
        }
        let mut messages = Vec::new();
        outbox.waiting_after(self.handed.load(Ordering::SeqCst), most.min(room / MESSAGE), &mut messages);
        if messages.is_empty() {
            return Next::Drained;
        }
        let mut fit = 0;
        for (ticket, topic) in &messages {
            let weight = MESSAGE + topic.len();
            // One message may always go, however long its topic is.
            if state.weight + weight > WINDOW && !state.uncollected.is_empty() {
                break;
            }
            state.uncollected.push_back((*ticket, weight));
            state.weight += weight;
            self.handed.store(*ticket, Ordering::SeqCst);
            fit += 1;
        }
        messages.truncate(fit);
        if fit == 0 { Next::Full } else { Next::Messages(messages) }
    }

    /// Paho has refused a message whose topic has been checked, so it cannot go on. Its room sees it leave, and the
    /// engine does without.
    fn give_up(&self, hand: Hand, error: &paho_mqtt::Error) {
        log::debug!("Paho does not take a message: {error}");
        self.lock().hand = Place::Gone;
        self.returned.notify_all();
        leaving::leave(Guest::Client(hand));
    }
}

/// What there is to hand over.
enum Next {
    /// At least one, with its ticket and topic.
    Messages(Vec<(u64, String)>),
    /// What waits, if anything, does not fit.
    Full,
    Drained,
}

impl Intake for Pump {
    fn accepted(&self) -> bool {
        let collected = self.collected.load(Ordering::SeqCst);
        // What is left to collect brings a credit, if anything waits by then.
        if collected >= self.handed.load(Ordering::SeqCst) {
            self.hand_over(self.lock());
        }
        collected == WITHOUT_PAHO
    }
}

impl State {
    /// Forgets what the room has collected.
    fn forget(&mut self, collected: u64) {
        while let Some(&(ticket, weight)) = self.uncollected.front()
            && ticket <= collected
        {
            self.uncollected.pop_front();
            self.weight -= weight;
        }
    }
}

/// Paho's sending thread has sent the last message of a burst, or never will: then the hand is gone, or its room.
struct Sent(Weak<Pump>);

impl Wake for Sent {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(pump) = self.0.upgrade() {
            pump.hand_over(pump.lock());
        }
    }
}
