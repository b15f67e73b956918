//! Whose turn it is: callbacks of one client run on one thread at a time.

use std::cell::RefCell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

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
}

/// The right to run the loop, passed from thread to thread.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    taken: bool,
    /// Threads that want the turn before the loop goes on.
    wanted: usize,
    /// Threads that wait for a change. Waking costs a system call, also when there are none.
    waiting: usize,
    mode: Mode,
    stop: bool,
    thread: Option<JoinHandle<()>>,
}

thread_local! {
    /// The clients whose turn this thread has, by the address of their [`Turns`].
    static HELD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The turn, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(crate) fn new() -> Self {
        let state = State { taken: false, wanted: 0, waiting: 0, mode: Mode::Manual, stop: false, thread: None };
        Turns { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, at most until `deadline`.
    fn wait<'a>(&self, mut state: MutexGuard<'a, State>, deadline: Option<Instant>) -> MutexGuard<'a, State> {
        state.waiting += 1;
        state = match deadline {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.waiting -= 1;
        state
    }

    /// Tells those who wait.
    fn tell(&self, state: MutexGuard<'_, State>) {
        let waiting = state.waiting;
        drop(state);
        if waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether this thread has the turn, which means that it is inside a callback.
    pub(crate) fn is_mine(&self) -> bool {
        // A thread that is ending has no such list, and no turn.
        HELD.try_with(|held| held.borrow().contains(&self.key())).unwrap_or(false)
    }

    fn hand(&self, mut state: MutexGuard<'_, State>) -> Turn<'_> {
        state.taken = true;
        let _ = HELD.try_with(|held| held.borrow_mut().push(self.key()));
        Turn(self)
    }

    /// Takes the turn before the loop goes on; `wake` interrupts the loop's wait.
    pub(crate) fn take(&self, wake: impl FnOnce()) -> Turn<'_> {
        let mut state = self.lock();
        state.wanted += 1;
        if state.taken {
            drop(state);
            wake();
            state = self.lock();
        }
        while state.taken {
            state = self.wait(state, None);
        }
        state.wanted -= 1;
        self.hand(state)
    }

    /// Takes the turn when nobody else wants it; for the loop itself.
    pub(crate) fn take_last(&self) -> Turn<'_> {
        let mut state = self.lock();
        while state.taken || state.wanted > 0 {
            state = self.wait(state, None);
        }
        self.hand(state)
    }

    /// Takes the turn if no loop of the program's runs and nobody has it; or waits for a change until `deadline`.
    pub(crate) fn take_or_wait(&self, deadline: Option<Instant>) -> Option<Turn<'_>> {
        let state = self.lock();
        if state.mode == Mode::Manual && !state.taken && state.wanted == 0 {
            return Some(self.hand(state));
        }
        drop(self.wait(state, deadline));
        None
    }

    /// Whether the loop should pass the turn on.
    pub(crate) fn is_wanted(&self) -> bool {
        let state = self.lock();
        state.wanted > 0 || state.stop
    }

    /// Whether a loop of the program's runs.
    pub(crate) fn is_looping(&self) -> bool {
        self.lock().mode != Mode::Manual
    }

    /// Declares a loop, unless there is one.
    pub(crate) fn begin(&self, mode: Mode) -> Result<()> {
        let mut state = self.lock();
        if state.mode != Mode::Manual {
            return Err(Error::LoopRunning);
        }
        state.mode = mode;
        state.stop = false;
        Ok(())
    }

    /// The loop is over.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.mode = Mode::Manual;
        self.tell(state);
    }

    pub(crate) fn set_thread(&self, thread: JoinHandle<()>) {
        self.lock().thread = Some(thread);
    }

    /// Asks `loop_start`'s thread to end, and gives its handle.
    pub(crate) fn stop(&self) -> Result<Option<JoinHandle<()>>> {
        let mut state = self.lock();
        if state.mode != Mode::Thread {
            return Err(Error::NoLoop);
        }
        state.stop = true;
        Ok(state.thread.take())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stop
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

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            if let Some(place) = held.iter().rposition(|&key| key == self.0.key()) {
                held.remove(place);
            }
        });
        let mut state = self.0.lock();
        state.taken = false;
        self.0.tell(state);
    }
}
