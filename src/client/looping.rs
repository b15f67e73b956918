//! The loop that runs the callbacks: on a thread of its own, here for good, or here for a moment.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::client::Client;
use crate::event_loop::Mode;
use crate::types::{Error, IntoDuration, LoopOptions, Result, check_duration, later};

/// # The loop, which runs the callbacks
impl<U: Send + Sync + 'static> Client<U> {
    /// Runs the callbacks that are due, waiting up to `timeout`, in seconds or as a `Duration`, for the first
    /// (paho-python: `loop(timeout)`).
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_message(|_client, _userdata, msg| println!("{}", msg.payload_str()));
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.subscribe("test", 0)?;
    /// while client.is_connected() {
    ///     client.loop_once(1.0)?;
    ///     println!("a second at most has gone by");
    /// }
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LoopRunning`] while `loop_start` or `loop_forever` runs, [`Error::InCallback`] inside a callback,
    /// [`Error::NotConnected`] when there is no connection and none is wanted, [`Error::InvalidSeconds`].
    #[doc(alias = "loop")]
    pub fn loop_once(&self, timeout: impl IntoDuration) -> Result<()> {
        let timeout = check_duration("loop_once", timeout.into_duration())?;
        self.not_in_callback("loop_once")?;
        let events = self.events();
        if events.loop_lock.is_looping() {
            return Err(Error::LoopRunning);
        }
        if events.queue.len() == 0 && events.is_idle() {
            return Err(Error::NotConnected { what: "loop_once" });
        }
        let deadline = later(Instant::now(), timeout);
        // The lock is given to whoever else wants it between two steps.
        while let Some(guard) = events.loop_lock.take(deadline, || events.queue.poke()) {
            if events.step(self, Some(deadline)) {
                for _ in 0..events.queue.len() {
                    events.step(self, Some(Instant::now()));
                }
                return Ok(());
            }
            drop(guard);
            if Instant::now() >= deadline {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Runs the callbacks until [`disconnect`](Client::disconnect) is called, connecting again after every loss
    /// (paho-python: `loop_forever`).
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_message(|_client, _userdata, msg| println!("{}", msg.payload_str()));
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.subscribe("test", 0)?;
    /// client.loop_forever()?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LoopRunning`], [`Error::InCallback`]; [`Error::NoConnectionRequested`] before `connect`; the cause
    /// when the first connection of `connect_async` fails, and with `reconnect_on_failure(false)` when one is lost.
    pub fn loop_forever(&self) -> Result<()> {
        self.loop_forever_with(LoopOptions::new())
    }

    /// [`loop_forever`](Client::loop_forever) with options (paho-python: `retry_first_connection=True`).
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::LoopOptions;
    ///
    /// client.connect_async("mqttbroker.lan", 1883)?;
    /// client.loop_forever_with(LoopOptions::new().retry_first_connection(true))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`loop_forever`](Client::loop_forever).
    pub fn loop_forever_with(&self, options: LoopOptions) -> Result<()> {
        self.not_in_callback("loop_forever")?;
        let events = self.events();
        let running = events.loop_lock.begin(Mode::Forever)?;
        events.retry_first_set(options.retry_first_connection);
        let outcome = loop {
            if let Some(outcome) = events.loop_outcome() {
                break outcome;
            }
            let guard = events.loop_lock.take_last();
            events.run(self);
            drop(guard);
        };
        drop(running);
        events.loop_ended();
        outcome
    }

    /// Runs the callbacks on a thread of its own (paho-python: `loop_start`), until `loop_stop` or the drop of the
    /// last handle. The thread connects again after every loss.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.loop_start()?;
    /// for celsius in [20.5, 20.7, 21.1] {
    ///     client.publish("serre/temperature", celsius, 1)?;
    /// }
    /// client.disconnect()?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LoopRunning`], [`Error::InCallback`]; [`Error::Engine`] when no thread can be started.
    pub fn loop_start(&self) -> Result<()> {
        self.not_in_callback("loop_start")?;
        let events = self.events();
        let running = events.loop_lock.begin(Mode::Thread)?;
        events.retry_first_set(true);
        let client = Client::passing(&Arc::clone(&self.core));
        let started = thread::Builder::new().name("rappel-loop".into()).spawn(move || {
            let events = client.events();
            let running = events.loop_lock.take_over();
            while !events.loop_lock.is_stopping() {
                let guard = events.loop_lock.take_last();
                if !events.loop_lock.is_stopping() {
                    events.run(&client);
                }
                drop(guard);
            }
            drop(running);
            events.loop_ended();
        });
        match started {
            Ok(thread) => {
                running.hand_over();
                events.loop_lock.set_thread(thread);
                Ok(())
            }
            Err(error) => Err(Error::Engine { problem: format!("no thread could be started: {error}") }),
        }
    }

    /// Ends the thread of `loop_start` and waits for it (paho-python: `loop_stop`). The connection stands on;
    /// what happens meanwhile waits for the next loop. From inside a callback it returns at once, and the thread
    /// ends after the callback.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::Error;
    ///
    /// client.loop_start()?;
    /// client.loop_stop()?;
    /// assert!(matches!(client.loop_stop(), Err(Error::NoLoop)));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoLoop`] when `loop_start` has not been called.
    pub fn loop_stop(&self) -> Result<()> {
        let events = self.events();
        let thread = events.loop_lock.stop()?;
        events.queue.poke();
        if let Some(thread) = thread.filter(|_| !events.loop_lock.is_held_here()) {
            // Nothing in there panics: foreign code is guarded.
            let _ = thread.join();
        }
        Ok(())
    }

    fn not_in_callback(&self, method: &'static str) -> Result<()> {
        if self.events().loop_lock.is_held_here() { Err(Error::InCallback { method }) } else { Ok(()) }
    }
}
