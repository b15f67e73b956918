//! Whose turn it is: callbacks of one client run on one thread at a time.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::event_loop::loop_pool::is_pool_thread;
use crate::sync::{lock, wait};
use crate::types::{Error, Result};

/// Which loop the program has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// None: whoever waits for something runs the loop meanwhile.
    Manual,
    /// `loop_start`'s thread.
    Thread,
    /// A call of `loop_forever`.
    Forever,
    /// The threads of a pool.
    Pool,
}

/// The right to run the loop, passed from thread to thread.
#[derive(Debug)]
pub(crate) struct LoopLock {
    state: Mutex<State>,
    changed: Condvar,
    /// Threads that want the lock before the loop goes on. Changed, as `stop` is, with the state locked; asked after each
    /// event without.
    wanted: AtomicUsize,
    stop: AtomicBool,
}

#[derive(Debug)]
struct State {
    taken: bool,
    /// Threads that wait for a change. Waking costs a system call, also when there are none.
    waiting: usize,
    mode: Mode,
    thread: Option<JoinHandle<()>>,
}

thread_local! {
    /// The clients whose loop this thread runs, by the address of their [`LoopLock`].
    static HELD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The right to run the loop, for as long as it lives.
#[derive(Debug)]
pub(crate) struct LoopGuard<'a>(&'a LoopLock);

/// A loop that the program has asked for, for as long as it lives.
#[derive(Debug)]
pub(crate) struct RunningLoop<'a>(&'a LoopLock);

impl LoopLock {
    pub(crate) fn new() -> Self {
        let state = State { taken: false, waiting: 0, mode: Mode::Manual, thread: None };
        LoopLock {
            state: Mutex::new(state),
            changed: Condvar::new(),
            wanted: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Waits for a change, at most until `deadline`.
    fn wait<'a>(&self, mut state: MutexGuard<'a, State>, deadline: Option<Instant>) -> MutexGuard<'a, State> {
        state.waiting += 1;
        state = wait(&self.changed, state, deadline);
        state.waiting -= 1;
        state
    }

    /// Notifies those who wait.
    fn notify(&self, state: MutexGuard<'_, State>) {
        let waiting = state.waiting;
        drop(state);
        if waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether this thread runs the loop, which means that it is inside a callback.
    pub(crate) fn is_held_here(&self) -> bool {
        // A thread that is ending has no such list, and no lock.
        HELD.try_with(|held| held.borrow().contains(&self.key())).unwrap_or(false)
    }

    /// Whether callbacks of this client may only run once this thread has returned from the one that it runs: it must
    /// not wait for them.
    pub(crate) fn waits_for_this_thread(&self) -> bool {
        self.is_held_here() || (is_pool_thread() && self.lock().mode == Mode::Pool)
    }

    fn give(&self, mut state: MutexGuard<'_, State>) -> LoopGuard<'_> {
        state.taken = true;
        let _ = HELD.try_with(|held| held.borrow_mut().push(self.key()));
        LoopGuard(self)
    }

    /// Takes the lock before the loop goes on, by `deadline`; `wake` interrupts the loop's wait.
    pub(crate) fn take(&self, deadline: Instant, wake: impl FnOnce()) -> Option<LoopGuard<'_>> {
        let mut state = self.lock();
        self.wanted.fetch_add(1, Ordering::SeqCst);
        if state.taken {
            drop(state);
            wake();
            state = self.lock();
        }
        while state.taken && Instant::now() < deadline {
            state = self.wait(state, Some(deadline));
        }
        self.wanted.fetch_sub(1, Ordering::SeqCst);
        if state.taken {
            // The loop may have waited for us to take it.
            self.notify(state);
            return None;
        }
        Some(self.give(state))
    }

    /// Takes the lock when nobody else wants it; for the loop itself.
    pub(crate) fn take_last(&self) -> LoopGuard<'_> {
        let mut state = self.lock();
        while state.taken || self.has_takers() {
            state = self.wait(state, None);
        }
        self.give(state)
    }

    /// Takes the lock if nobody else has it or wants it; for the loop itself, where it must not wait.
    pub(crate) fn try_take_last(&self) -> Option<LoopGuard<'_>> {
        let state = self.lock();
        (!state.taken && !self.has_takers()).then(|| self.give(state))
    }

    /// Takes the lock if no loop of the program's runs and nobody has it; or waits for a change until `deadline`.
    pub(crate) fn take_or_wait(&self, deadline: Option<Instant>) -> Option<LoopGuard<'_>> {
        let state = self.lock();
        if state.mode == Mode::Manual && !state.taken && !self.has_takers() {
            return Some(self.give(state));
        }
        drop(self.wait(state, deadline));
        None
    }

    /// Whether the loop should let others have the lock.
    pub(crate) fn is_wanted(&self) -> bool {
        self.has_takers() || self.is_stopping()
    }

    fn has_takers(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) > 0
    }

    /// Whether a loop of the program's runs.
    pub(crate) fn is_looping(&self) -> bool {
        self.lock().mode != Mode::Manual
    }

    /// Declares a loop, unless there is one. It is over when the guard is dropped.
    pub(crate) fn begin(&self, mode: Mode) -> Result<RunningLoop<'_>> {
        let mut state = self.lock();
        if state.mode != Mode::Manual {
            return Err(Error::LoopRunning);
        }
        state.mode = mode;
        self.stop.store(false, Ordering::SeqCst);
        state.thread = None;
        Ok(RunningLoop(self))
    }

    /// The loop that [`begin`](Self::begin) has declared goes on in another thread, which takes it over with this.
    pub(crate) fn take_over(&self) -> RunningLoop<'_> {
        RunningLoop(self)
    }

    pub(crate) fn set_thread(&self, thread: JoinHandle<()>) {
        let mut state = self.lock();
        state.thread = Some(thread);
        self.notify(state);
    }

    /// Asks the loop of `loop_start` or `loop_start_on` to end, and gives the handle of its thread, if it has one, to
    /// the first who asks.
    pub(crate) fn stop(&self) -> Result<Option<JoinHandle<()>>> {
        let mut state = self.lock();
        if !matches!(state.mode, Mode::Thread | Mode::Pool) {
            return Err(Error::NoLoop);
        }
        if self.stop.swap(true, Ordering::SeqCst) {
            return Ok(None);
        }
        // The thread may run before whoever has started it has its handle.
        while state.thread.is_none() && state.mode == Mode::Thread {
            state = self.wait(state, None);
        }
        Ok(state.thread.take())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Waits until no pool runs the loop.
    pub(crate) fn wait_pool_end(&self) {
        let mut state = self.lock();
        while state.mode == Mode::Pool {
            state = self.wait(state, None);
        }
    }

    /// Waits until the loop has ended; `false` when it has not by `deadline`.
    pub(crate) fn wait_end(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.mode != Mode::Manual {
            if deadline <= Instant::now() {
                return false;
            }
            state = self.wait(state, Some(deadline));
        }
        true
    }
}

impl RunningLoop<'_> {
    /// Leaves the loop to another thread, which will [take it over](LoopLock::take_over).
    pub(crate) fn hand_over(self) {
        std::mem::forget(self);
    }
}

impl Drop for RunningLoop<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.mode = Mode::Manual;
        self.0.notify(state);
    }
}

impl Drop for LoopGuard<'_> {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            if let Some(place) = held.iter().rposition(|&key| key == self.0.key()) {
                held.remove(place);
            }
        });
        let mut state = self.0.lock();
        state.taken = false;
        self.0.notify(state);
    }
}
