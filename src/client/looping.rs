//! The loop that runs the callbacks: on a thread of its own, here for good, or here for a moment.

use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::client::{Client, Core};
use crate::event_loop::{LoopPool, Mode, Next, PooledLoop};
use crate::sync::spawn;
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
        let run = move || {
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
        };
        match spawn("rappel-loop", Box::new(run)) {
            Ok(thread) => {
                running.hand_over();
                events.loop_lock.set_thread(thread);
                Ok(())
            }
            Err(error) => Err(Error::Engine { problem: format!("no thread could be started: {error}") }),
        }
    }

    /// Runs the callbacks on the threads of `pool`, beside those of other clients, until `loop_stop` or the drop of the
    /// last handle. Otherwise as [`loop_start`](Client::loop_start); an idle client costs no thread.
    ///
    /// The callbacks of one client never run at the same time. In a callback on a pool,
    /// [`wait_for_publish`](crate::MessageInfo::wait_for_publish) on a message of any client of a pool waits for the
    /// confirmation alone, and `disconnect` only asks for the end: neither keeps callbacks waiting for each other.
    ///
    /// ```no_run
    /// # fn main() -> rappel::Result<()> {
    /// let pool = rappel::LoopPool::new(2)?;
    /// # let clients: Vec<rappel::Client> = Vec::new();
    /// for client in &clients {
    ///     client.connect_async("mqttbroker.lan", 1883)?;
    ///     client.loop_start_on(&pool)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
    /// [`Error::LoopRunning`], [`Error::InCallback`].
    pub fn loop_start_on(&self, pool: &LoopPool) -> Result<()> {
        self.not_in_callback("loop_start_on")?;
        let events = self.events();
        events.loop_lock.begin(Mode::Pool)?.hand_over();
        events.retry_first_set(true);
        let core: Weak<Core<U>> = Arc::downgrade(&self.core);
        let seat = pool.add(core);
        events.queue.pooled_set(Some(Arc::clone(&seat)));
        // What has happened so far has woken nobody.
        seat.wake();
        Ok(())
    }

    /// Ends the loop of `loop_start` or `loop_start_on` and waits for that (paho-python: `loop_stop`). The connection
    /// stands on; what happens meanwhile waits for the next loop. From inside a callback it returns at once, and the
    /// loop ends after the callback.
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
    /// [`Error::NoLoop`] when neither has been called.
    pub fn loop_stop(&self) -> Result<()> {
        let events = self.events();
        let loop_lock = &events.loop_lock;
        let must_not_wait = loop_lock.waits_for_this_thread();
        let thread = loop_lock.stop()?;
        events.queue.poke();
        if must_not_wait {
            return Ok(());
        }
        match thread {
            // Nothing in there panics: foreign code is guarded.
            Some(thread) => drop(thread.join()),
            None => loop_lock.wait_pool_end(),
        }
        Ok(())
    }

    fn not_in_callback(&self, method: &'static str) -> Result<()> {
        if self.events().loop_lock.is_held_here() { Err(Error::InCallback { method }) } else { Ok(()) }
    }
}

impl<U: Send + Sync + 'static> PooledLoop for Core<U> {
    fn run_pooled(self: Arc<Self>) -> Next {
        self.events.run_pooled(&Client::passing(&self))
    }
}
