//! What the engine's threads share: the outbox, Paho's client, and who hands over messages.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::Instant;

use crate::engine::Attempt;
use crate::engine::paho::{Paho, Taken};
use crate::event::{Event, EventQueue};
use crate::outbox::{Accepted, Handover, Keep, Letter, Outbox, Request, Stored};
use crate::types::{Error, Qos, Result};

/// Messages that a caller of `publish` hands over in one go; Paho's own thread sees to the rest.
const BURST: usize = 32;

/// The engine's shared part.
pub(crate) struct Core {
    state: Mutex<State>,
    /// The connection has ended.
    ended: Condvar,
    pub(crate) queue: Arc<EventQueue>,
    /// Keeps messages beyond the end of the program, if the program wants it.
    store: Mutex<Option<Arc<dyn Keep>>>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("state", &self.state).field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// What the lock protects. It is never held while Paho is called: Paho calls back holding a lock of its own.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) outbox: Outbox,
    /// The client of the connection that stands or is being made.
    pub(crate) paho: Option<Arc<Paho>>,
    /// Paho has seen CONNACK and takes everything.
    ready: bool,
    /// A thread is handing over; it will find what others add meanwhile.
    pumping: bool,
    /// The attempt that makes or made the connection.
    pub(crate) attempt: Option<Arc<Attempt>>,
    /// The link has a connection in its hands.
    pub(crate) linked: bool,
    /// The newest attempt, while it is under way or its connection stands.
    pub(crate) under_way: Option<u64>,
}

impl State {
    /// Attempt `number` is over. A newer one that is under way already stays so.
    pub(crate) fn over(&mut self, number: u64) {
        self.under_way.take_if(|newest| *newest == number);
    }
}

impl Core {
    pub(crate) fn new(queue: Arc<EventQueue>, store: Option<Arc<dyn Keep>>) -> Self {
        let state = State {
            outbox: Outbox::new(),
            paho: None,
            ready: false,
            pumping: false,
            attempt: None,
            linked: false,
            under_way: None,
        };
        Core { state: Mutex::new(state), ended: Condvar::new(), queue, store: Mutex::new(store) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(self: &Arc<Self>, mut letter: Letter, keep_latest: bool) -> Result<Accepted> {
        if letter.qos == Qos::AtMostOnce && self.lock().under_way.is_none() {
            return Err(Error::NotConnected { what: "publish with QoS 0" });
        }
        let store = self.store().clone();
        if let Some(store) = store {
            letter.stored = Some(store.add(&letter)?);
        }
        let stored = letter.stored;
        let accepted = self.accept(letter, keep_latest);
        // Of what is refused, and of what is replaced, nothing is to come back.
        let obsolete = match &accepted {
            Ok(accepted) => accepted.replaced.as_ref().and_then(|(_, stored)| *stored),
            Err(_) => stored,
        };
        self.forget(obsolete);
        accepted
    }

    fn store(&self) -> MutexGuard<'_, Option<Arc<dyn Keep>>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store, to be closed.
    pub(crate) fn take_store(&self) -> Option<Arc<dyn Keep>> {
        self.store().take()
    }

    /// The store need not keep a message any more.
    pub(crate) fn forget(&self, stored: Option<Stored>) {
        if let (Some(store), Some(stored)) = (&*self.store(), stored) {
            store.remove(stored);
        }
    }

    fn accept(self: &Arc<Self>, letter: Letter, keep_latest: bool) -> Result<Accepted> {
        let mut state = self.lock();
        let connected = state.under_way.is_some();
        let accepted = state.outbox.publish(letter, keep_latest, connected)?;
        if state.outbox.wants_a_push() {
            self.pump_from(state, BURST);
        }
        Ok(accepted)
    }

    pub(crate) fn request(self: &Arc<Self>, make: impl FnOnce(u16) -> Request) -> Option<u16> {
        let mut state = self.lock();
        state.under_way?;
        let mid = state.outbox.request(make);
        self.pump_from(state, BURST);
        Some(mid)
    }

    /// Hands over everything the window allows.
    pub(crate) fn pump(self: &Arc<Self>) {
        self.pump_from(self.lock(), usize::MAX);
    }

    fn pump_from<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>, mut most: usize) {
        if state.pumping || !state.ready {
            return;
        }
        state.pumping = true;
        // Nobody leaves while nothing is in Paho's hands: then no completion would come back for the rest.
        while most > 0 || state.outbox.engine_is_empty() {
            most = most.saturating_sub(1);
            let Some(paho) = state.paho.clone() else {
                break;
            };
            let Some(handover) = state.outbox.next() else {
                break;
            };
            let epoch = state.outbox.epoch();
            drop(state);
            self.hand_over(&paho, handover, epoch);
            state = self.lock();
        }
        state.pumping = false;
    }

    fn hand_over(self: &Arc<Self>, paho: &Paho, handover: Handover, epoch: u64) {
        match handover {
            Handover::Request(request) => {
                let mid = request.mid();
                if let Err(problem) = paho.request(request) {
                    log::warn!("{problem}; it is sent again with the next connection");
                    self.lock().outbox.put_off(mid);
                }
            }
            Handover::Message { ticket, letter } => {
                let acked = letter.qos != Qos::AtMostOnce;
                match paho.publish(ticket, &letter) {
                    Ok(token) => self.watch(token, epoch, acked),
                    Err(error) => {
                        log::error!("a message on {:?} was given up: {error}", letter.topic);
                        let receipt = self.lock().outbox.refused(ticket);
                        if let Some(receipt) = receipt {
                            self.forget(letter.stored);
                            receipt.settle(Err(error));
                            receipt.report();
                        }
                    }
                }
            }
        }
    }

    /// Has the slot freed when Paho is done with the message.
    fn watch(self: &Arc<Self>, mut token: Taken, epoch: u64, acked: bool) {
        let waker = Waker::from(Arc::new(Slot { core: Arc::clone(self), epoch, acked }));
        let done = Pin::new(&mut token).poll(&mut Context::from_waker(&waker)).is_ready();
        if done {
            self.lock().outbox.slot_freed(epoch, acked);
        }
    }

    /// Paho is connected, or will never be: called on Paho's thread.
    pub(crate) fn engine_answered(self: &Arc<Self>, epoch: u64) {
        let mut state = self.lock();
        if state.outbox.epoch() != epoch {
            return;
        }
        if !state.outbox.is_online() {
            // There was no CONNACK: Paho has not reached the link.
            let attempt = state.attempt.clone();
            drop(state);
            return attempt.iter().for_each(|attempt| attempt.engine_failed());
        }
        state.ready = true;
        self.pump_from(state, usize::MAX);
    }

    /// A new client of Paho's takes the place of the last one, which is given back.
    pub(crate) fn replace(&self, paho: Option<Arc<Paho>>, attempt: Option<Arc<Attempt>>) -> Option<Arc<Paho>> {
        let mut state = self.lock();
        state.ready = false;
        state.attempt = attempt;
        std::mem::replace(&mut state.paho, paho)
    }

    /// The link has let go of the connection.
    pub(crate) fn unlinked(&self) {
        self.lock().linked = false;
        self.ended.notify_all();
    }

    /// Waits until the link holds no connection.
    pub(crate) fn wait_ended(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.linked {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Tells the loop what has been settled.
    pub(crate) fn settled(&self, settled: crate::outbox::Settled) {
        self.queue.push(Event::Settled(settled));
    }
}

/// Woken by Paho when it is done with a message, on its own thread and with its lock held.
struct Slot {
    core: Arc<Core>,
    epoch: u64,
    acked: bool,
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        let mut state = self.core.lock();
        if state.outbox.slot_freed(self.epoch, self.acked) {
            self.core.pump_from(state, usize::MAX);
        }
    }
}
