//! Waiting with a deadline: the only place of the tests that lets time pass.

use std::fmt::Debug;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a [`Probe`] waits: far more than a machine needs that has much else to do, so that only a real fault
/// reaches it. No test says how fast something is; how long a client itself waits is for the unit tests, where time is
/// given.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How long a large message may take over a line that is slow on a machine that is slow.
pub const LONG: Duration = Duration::from_secs(300);

/// The time limit, in seconds, of who connects to a peer that says nothing: enough to reach it on a machine that has much
/// else to do, where the test says what it was that did not come.
pub const SILENCE: f64 = 2.0;

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(1);

/// Waits until `condition` holds, looking every millisecond.
///
/// # Panics
/// With `what` when it does not within `limit`.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, condition: impl FnMut() -> bool) {
    assert!(holds_within(limit, condition), "waited {limit:?} in vain for: {what}");
}

/// Whether `condition` comes to hold within `limit`; for those who have more to say than [`wait_until`] when it does not.
pub fn holds_within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
}

/// What `act` gives, and how long it took on a clock that stands still while this process gets no time to run. So a
/// limit on it holds on a machine with much else to do: such a clock is never ahead of the one on the wall.
pub fn own_time<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    const TICK: Duration = Duration::from_millis(10);
    let (stop, stopped) = channel::<()>();
    let clock = thread::spawn(move || {
        let mut ticks = 0;
        while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            ticks += 1;
        }
        TICK * ticks
    });
    let value = act();
    drop(stop);
    (value, clock.join().expect("the clock does not panic"))
}

/// Runs `act` on a thread of its own and gives what it gives; for what must not hang.
///
/// # Panics
/// With `what` when it has not returned within [`DEADLINE`]; with its own panic.
#[track_caller]
pub fn returns<T: Send + 'static>(what: &str, act: impl FnOnce() -> T + Send + 'static) -> T {
    returns_within(what, DEADLINE, act)
}

/// As [`returns`], within `limit`.
///
/// # Panics
/// As [`returns`].
#[track_caller]
pub fn returns_within<T: Send + 'static>(what: &str, limit: Duration, act: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, returned) = channel();
    let thread = thread::spawn(move || {
        let value = act();
        let _ = done.send(());
        value
    });
    if let Err(RecvTimeoutError::Timeout) = returned.recv_timeout(limit) {
        panic!("this hangs (after {limit:?}): {what}");
    }
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The test's end of a channel into a callback or a script: what happened there, in order.
///
/// ```ignore
/// let (tell, heard) = Probe::pair();
/// client.on_message(move |_, _, msg| { let _ = tell.send(msg.topic.clone()); });
/// assert_eq!(heard.next("the message"), "test");
/// ```
#[derive(Debug)]
pub struct Probe<T> {
    /// Where the values come in.
    receiver: Receiver<T>,
}

impl<T> Probe<T> {
    /// The sender for the callback (clone it for several), and the probe that hears it.
    pub fn pair() -> (Sender<T>, Self) {
        let (sender, receiver) = channel();
        (sender, Self { receiver })
    }

    /// The next value, within [`DEADLINE`].
    ///
    /// # Panics
    /// With `what` when none comes, at once when every sender is gone.
    #[track_caller]
    pub fn next(&self, what: &str) -> T {
        self.next_within(what, DEADLINE)
    }

    /// The next value, within `limit`, for what is known to take long.
    ///
    /// # Panics
    /// As [`next`](Self::next).
    #[track_caller]
    pub fn next_within(&self, what: &str, limit: Duration) -> T {
        match self.receiver.recv_timeout(limit) {
            Ok(value) => value,
            Err(RecvTimeoutError::Timeout) => panic!("waited {limit:?} in vain for: {what}"),
            Err(RecvTimeoutError::Disconnected) => panic!("nobody is left who could send: {what}"),
        }
    }

    /// The next `count` values, each within [`DEADLINE`].
    ///
    /// # Panics
    /// As [`next`](Self::next), saying how many came.
    #[track_caller]
    pub fn take(&self, count: usize, what: &str) -> Vec<T> {
        // A loop, not a closure: the panic should name the caller's line.
        let mut values = Vec::with_capacity(count);
        while values.len() < count {
            values.push(self.next(&format!("{what} ({} of {count} came)", values.len())));
        }
        values
    }

    /// The next value, if it has come.
    pub fn next_if_there(&self) -> Option<T> {
        self.receiver.try_recv().ok()
    }

    /// What has come and was not taken yet, without waiting. Says nothing about what is still under way: first wait
    /// for something that is known to come after it.
    pub fn rest(&self) -> Vec<T> {
        self.receiver.try_iter().collect()
    }
}

impl<T: Debug> Probe<T> {
    /// Asserts that nothing has come that was not taken; see [`rest`](Self::rest).
    ///
    /// # Panics
    /// With `what` and the values when there are any.
    #[track_caller]
    pub fn is_drained(&self, what: &str) {
        let rest = self.rest();
        assert!(rest.is_empty(), "{what}: nothing more was due, but there is {rest:?}");
    }
}
