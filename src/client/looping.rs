//! The loop that runs the callbacks: on a thread of its own, here for good, or here for a moment.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::client::Client;
use crate::event_loop::{Mode, Phase, lock};
use crate::types::{Error, IntoDuration, LoopOptions, Result, check_duration, later};

impl<U: Send + Sync + 'static> Client<U> {
    /// Runs the callbacks that are due, waiting up to `timeout`, in seconds or as a `Duration`, for the first
    /// (paho-python: `loop(timeout)`).
    ///
    /// # Errors
    /// [`Error::LoopRunning`] while `loop_start` or `loop_forever` runs, [`Error::InCallback`] inside a callback,
    /// [`Error::NotConnected`] when there is no connection and none is wanted, [`Error::InvalidSeconds`].
    #[doc(alias = "loop")]
    pub fn loop_once(&self, timeout: impl IntoDuration) -> Result<()> {
        let timeout = check_duration("loop_once", timeout.into_duration())?;
        self.not_in_callback("loop_once")?;
        let events = self.events();
        if events.turns.is_looping() {
            return Err(Error::LoopRunning);
        }
        if events.queue.len() == 0 && lock(&events.session).phase() == Phase::Idle {
            return Err(Error::NotConnected { what: "loop_once" });
        }
        let deadline = later(Instant::now(), timeout);
        let _turn = events.turns.take(|| events.queue.poke());
        while !events.step(self, Some(deadline)) {
            if Instant::now() >= deadline {
                return Ok(());
            }
        }
        for _ in 0..events.queue.len() {
            events.step(self, Some(Instant::now()));
        }
        Ok(())
    }

    /// Runs the callbacks until [`disconnect`](Client::disconnect) is called, connecting again after every loss
    /// (paho-python: `loop_forever`).
    ///
    /// # Errors
    /// [`Error::LoopRunning`], [`Error::InCallback`]; [`Error::NoConnectionRequested`] before `connect`; the cause
    /// when the first connection of `connect_async` fails, and with `reconnect_on_failure(false)` when one is lost.
    pub fn loop_forever(&self) -> Result<()> {
        self.loop_forever_with(LoopOptions::new())
    }

    /// [`loop_forever`](Client::loop_forever) with options (paho-python: `retry_first_connection=True`).
    ///
    /// # Errors
    /// As [`loop_forever`](Client::loop_forever).
    pub fn loop_forever_with(&self, options: LoopOptions) -> Result<()> {
        self.not_in_callback("loop_forever")?;
        let events = self.events();
        events.turns.begin(Mode::Forever)?;
        events.options().retry_first = options.retry_first_connection;
        let outcome = loop {
            if let Some(outcome) = self.loop_outcome() {
                break outcome;
            }
            let turn = events.turns.take_last();
            events.run(self);
            drop(turn);
        };
        events.turns.end();
        outcome
    }

    /// How `loop_forever` ends, once nothing is left to be run.
    fn loop_outcome(&self) -> Option<Result<()>> {
        let events = self.events();
        if events.queue.len() > 0 {
            return None;
        }
        let session = lock(&events.session);
        match (session.end(), session.phase()) {
            (Some(end), Phase::Idle) => Some(end),
            (None, Phase::Idle) => Some(Err(Error::NoConnectionRequested)),
            _ => None,
        }
    }

    /// Runs the callbacks on a thread of its own (paho-python: `loop_start`), until `loop_stop` or the drop of the
    /// last handle. The thread connects again after every loss.
    ///
    /// # Errors
    /// [`Error::LoopRunning`], [`Error::InCallback`]; [`Error::Engine`] when no thread can be started.
    pub fn loop_start(&self) -> Result<()> {
        self.not_in_callback("loop_start")?;
        let turns = &self.events().turns;
        turns.begin(Mode::Thread)?;
        self.events().options().retry_first = true;
        let client = Client::passing(&Arc::clone(&self.core));
        let started = thread::Builder::new().name("rappel-loop".into()).spawn(move || {
            let events = client.events();
            while !events.turns.is_stopping() {
                let turn = events.turns.take_last();
                if !events.turns.is_stopping() {
                    events.run(&client);
                }
                drop(turn);
            }
            events.turns.end();
        });
        match started {
            Ok(thread) => {
                turns.set_thread(thread);
                Ok(())
            }
            Err(error) => {
                turns.end();
                Err(Error::Engine { problem: format!("no thread could be started: {error}") })
            }
        }
    }

    /// Ends the thread of `loop_start` and waits for it (paho-python: `loop_stop`). The connection stands on;
    /// what happens meanwhile waits for the next loop. From inside a callback it returns at once, and the thread
    /// ends after the callback.
    ///
    /// # Errors
    /// [`Error::NoLoop`] when `loop_start` has not been called.
    pub fn loop_stop(&self) -> Result<()> {
        let events = self.events();
        let thread = events.turns.stop()?;
        events.queue.poke();
        if let Some(thread) = thread.filter(|_| !events.turns.is_mine()) {
            // A loop that panicked has said so already.
            let _ = thread.join();
        }
        Ok(())
    }

    fn not_in_callback(&self, method: &'static str) -> Result<()> {
        if self.events().turns.is_mine() { Err(Error::InCallback { method }) } else { Ok(()) }
    }
}
