//! The state behind `MessageInfo`: whether a message is confirmed, and whom to tell.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use crate::types::Result;

thread_local! {
    /// This thread is calling wakers, which may drop whatever a future holds.
    static WAKING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the caller was called by a waker, on a thread of the network that must not wait.
pub(crate) fn is_waking() -> bool {
    WAKING.try_with(Cell::get).unwrap_or(false)
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Queued or under way.
    Pending,
    /// Confirmed or given up; `on_publish` has yet to run.
    Settled,
    /// Confirmed or given up, and `on_publish` has returned.
    Reported,
}

/// One message's completion, shared by its handles, the queue and the event loop.
#[derive(Debug)]
pub(crate) struct Receipt {
    mid: u16,
    /// Whether the client was connected when the message was accepted.
    connected: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    result: Result<()>,
    wakers: Vec<Waker>,
    /// Threads that wait. Waking costs a system call, also when there are none.
    waiting: usize,
}

impl Receipt {
    pub(crate) fn new(mid: u16, connected: bool) -> Self {
        let state = State { stage: Stage::Pending, result: Ok(()), wakers: Vec::new(), waiting: 0 };
        Receipt { mid, connected, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn mid(&self) -> u16 {
        self.mid
    }

    pub(crate) fn was_connected(&self) -> bool {
        self.connected
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// The result; `Ok` also while nothing is known.
    pub(crate) fn result(&self) -> Result<()> {
        self.lock().result.clone()
    }

    /// The broker confirmed the message, or it is given up. Only the first result counts.
    pub(crate) fn settle(&self, result: Result<()>) {
        let mut state = self.lock();
        if state.stage == Stage::Pending {
            state.stage = Stage::Settled;
            state.result = result;
            self.tell(state);
        }
    }

    /// `on_publish` has returned.
    pub(crate) fn report(&self) {
        let mut state = self.lock();
        state.stage = Stage::Reported;
        self.tell(state);
    }

    fn tell(&self, mut state: MutexGuard<'_, State>) {
        let wakers = std::mem::take(&mut state.wakers);
        let waiting = state.waiting;
        drop(state);
        if waiting > 0 {
            self.changed.notify_all();
        }
        if !wakers.is_empty() {
            WAKING.set(true);
            wakers.into_iter().for_each(Waker::wake);
            WAKING.set(false);
        }
    }

    /// Waits until `stage` is reached; `false` when `deadline` comes first.
    pub(crate) fn wait(&self, stage: Stage, deadline: Option<Instant>) -> bool {
        let mut state = self.lock();
        while state.stage < stage {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            state.waiting += 1;
            state = match left {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
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
