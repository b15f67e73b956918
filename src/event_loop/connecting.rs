//! Making connections: for a call that waits for one, or for the loop that keeps one.

use std::time::{Duration, Instant};

use crate::callbacks::{AnyClient, Subject};
use crate::event::ConnectionId;
use crate::event_loop::EventLoop;
use crate::guarded::guarded;
use crate::types::{Error, Notice, Result, later};

/// How much longer than its time limit an attempt may take to say itself why it failed.
const GRACE: Duration = Duration::from_secs(1);

impl EventLoop {
    /// Has the loop connect.
    pub(crate) fn connect_async(&self) {
        if let Some(id) = self.connection.want(Instant::now(), self.loop_lock.is_held_here()) {
            self.network.abort(id);
        }
        self.queue.poke();
    }

    /// Connects now to the first broker that accepts and waits for its CONNACK; a refusal has reached `on_connect` when this
    /// returns.
    pub(crate) fn connect_now(&self, client: &dyn AnyClient) -> Result<()> {
        let in_callback = self.loop_lock.is_held_here();
        let mut id = self.connection.begin(in_callback);
        loop {
            let node = self.connection.node();
            let outcome = self.attempt(client, id, in_callback);
            let (Err(error), Some(next)) = (&outcome, self.connection.next_attempt(id)) else {
                return outcome;
            };
            if let Some(other) = self.connection.node().filter(|other| node.as_ref() != Some(other)) {
                let (host, port) = (other.host.clone(), other.port);
                log::warn!("{}", Notice::NextBroker { error: error.clone(), host, port });
            }
            id = next;
        }
    }

    /// Makes attempt `id` and waits for its outcome.
    fn attempt(&self, client: &dyn AnyClient, id: ConnectionId, in_callback: bool) -> Result<()> {
        let timeout = self.settings(|settings| settings.connect_timeout);
        let deadline = later(Instant::now(), timeout);
        if let Err(error) = self.begin_attempt(client, id, deadline, in_callback) {
            self.give_up(id, &error);
            return Err(error);
        }
        let outcome = self.connection.wait_outcome(id, later(deadline, GRACE)).unwrap_or_else(|| {
            let error = self.too_late("the name server's answer");
            self.give_up(id, &error);
            Err(error)
        });
        let is_told = self.connection.next_attempt(id).is_none();
        if matches!(outcome, Err(Error::Refused { .. })) && is_told && !self.loop_lock.waits_for_this_thread() {
            self.settle(client, &|| self.connection.is_told(id), Some(deadline));
        }
        self.queue.poke();
        outcome
    }

    fn too_late(&self, stage: &'static str) -> Error {
        let seconds = self.settings(|settings| settings.connect_timeout).as_secs_f64();
        let (host, port) = self.connection.node().map(|node| (node.host.clone(), node.port)).unwrap_or_default();
        Error::ConnectTimeout { host, port, seconds, stage }
    }

    fn give_up(&self, id: ConnectionId, error: &Error) {
        self.connection.give_up(id, error, Instant::now());
        self.network.abort(id);
        self.queue.poke();
    }

    /// Begins attempt `id`, after `on_pre_connect`.
    fn begin_attempt(&self, client: &dyn AnyClient, id: ConnectionId, deadline: Instant, has_lock: bool) -> Result<()> {
        self.run_pre_connect(client, deadline, has_lock)?;
        let aim = self.connection.aim().ok_or(Error::NoConnectionRequested)?;
        let version = self.version();
        let plan = self.settings(|settings| settings.plan(id, version, aim, deadline))?;
        if !self.connection.begun(id) {
            // The callback, or another thread, wants something else.
            return Err(Error::Cancelled);
        }
        self.network.connect(plan);
        Ok(())
    }

    /// Runs `on_pre_connect`, where the loop runs callbacks; an error when that has not become free by `deadline`.
    fn run_pre_connect(&self, client: &dyn AnyClient, deadline: Instant, has_lock: bool) -> Result<()> {
        if !self.callbacks.pre_connect.is_set() {
            return Ok(());
        }
        let guard = match has_lock {
            true => None,
            false => {
                let guard = self.loop_lock.take(deadline, || self.queue.poke());
                Some(guard.ok_or_else(|| self.too_late("a callback that has not returned"))?)
            }
        };
        let userdata = client.userdata();
        let told_before = self.connection.tell_of(self.connection.node());
        let fault = self.callbacks.pre_connect.call(|callback| {
            guarded(|| "on_pre_connect".into(), || callback(Subject { client, userdata: &*userdata }))
        });
        self.connection.tell_of(told_before);
        self.blame(client, fault);
        drop(guard);
        Ok(())
    }

    /// Makes the loop's next attempt, if it is time. Needs the loop's lock.
    pub(super) fn connect_when_due(&self, client: &dyn AnyClient) {
        let now = Instant::now();
        let Some(id) = self.connection.begin_due(now) else {
            return;
        };
        let deadline = later(now, self.settings(|settings| settings.connect_timeout));
        if let Err(error) = self.begin_attempt(client, id, deadline, true) {
            self.connection.give_up(id, &error, now);
        }
    }
}
