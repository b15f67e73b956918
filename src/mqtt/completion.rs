//! The state behind `MessageInfo`: whether a message is confirmed, and whom to notify.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Instant;

use crate::guarded::guarded;
use crate::sync::{lock, wait};
use crate::types::{Error, Result};

thread_local! {
    /// This thread is calling wakers, which may drop whatever a future holds.
    static WAKING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the caller was called by a waker, perhaps on a thread of the network, which must not wait.
pub(crate) fn is_waking() -> bool {
    WAKING.try_with(Cell::get).unwrap_or(false)
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Queued or in flight.
    Pending,
    /// Confirmed, refused or given up; `on_publish` has yet to return.
    Confirmed,
    /// The same, and `on_publish` has returned, or never will run.
    CallbackDone,
}

/// One message's completion, shared by its handles, the outbox and the event loop.
#[derive(Debug)]
pub(crate) struct Completion {
    mid: u16,
    /// Whether the client was connected when the message was accepted.
    connected: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    /// Why the message was not delivered.
    error: Option<Box<Error>>,
    wakers: Vec<Waker>,
    /// Threads that wait. Notifying costs a system call, also when there are none.
    waiting: u32,
}

impl Completion {
    pub(crate) fn new(mid: u16, connected: bool) -> Self {
        let state = State { stage: Stage::Pending, error: None, wakers: Vec::new(), waiting: 0 };
        Completion { mid, connected, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn mid(&self) -> u16 {
        self.mid
    }

    pub(crate) fn was_connected(&self) -> bool {
        self.connected
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// The result; `Ok` also while nothing is known.
    pub(crate) fn result(&self) -> Result<()> {
        self.lock().error.as_deref().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The message has come as far as `stage`, with this result; only the first result counts. Runs no foreign code:
    /// where it gives `true` somebody waits, and [`notify`](Self::notify) must be called, with no lock held.
    #[must_use]
    pub(crate) fn reach(&self, stage: Stage, result: Result<()>) -> bool {
        let mut state = self.lock();
        if state.stage >= stage {
            return false;
        }
        if let (Stage::Pending, Err(error)) = (state.stage, result) {
            state.error = Some(Box::new(error));
        }
        state.stage = stage;
        state.waiting > 0 || !state.wakers.is_empty()
    }

    /// The message is confirmed, refused or given up, and no `on_publish` will run. Must be called with no lock held.
    pub(crate) fn finish(&self, result: Result<()>) {
        if self.reach(Stage::CallbackDone, result) {
            self.notify();
        }
    }

    /// Has everybody who waits look again. Must be called with no lock held, as wakers are foreign code.
    pub(crate) fn notify(&self) {
        let mut state = self.lock();
        let wakers = std::mem::take(&mut state.wakers);
        let waiting = state.waiting;
        drop(state);
        if waiting > 0 {
            self.changed.notify_all();
        }
        if !wakers.is_empty() {
            let _ = WAKING.try_with(|waking| waking.set(true));
            for waker in wakers {
                guarded(|| "a waker".into(), || waker.wake());
            }
            let _ = WAKING.try_with(|waking| waking.set(false));
        }
    }

    /// Waits until `stage` is reached; `false` when `deadline` comes first.
    pub(crate) fn wait(&self, stage: Stage, deadline: Option<Instant>) -> bool {
        let mut state = self.lock();
        while state.stage < stage {
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return false;
            }
            state.waiting += 1;
            state = wait(&self.changed, state, deadline);
            state.waiting -= 1;
        }
        true
    }

    /// Has `waker` called at the next change, unless `stage` is reached already.
    pub(crate) fn wake_at(&self, stage: Stage, waker: &Waker) -> bool {
        let mut state = self.lock();
        if state.stage >= stage {
            return true;
        }
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        false
    }
}
