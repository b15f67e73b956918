//! Making connections: for a call that waits for one, or for the loop that keeps one.

use std::time::{Duration, Instant};

use crate::event::ConnectionId;
use crate::event_loop::EventLoop;
use crate::guarded::guarded;
use crate::types::{Error, Result, later};

/// How much longer than its time limit an attempt may take to say itself why it failed.
const GRACE: Duration = Duration::from_secs(1);

impl<C, U> EventLoop<C, U> {
    /// Has the loop connect.
    pub(crate) fn connect_async(&self) {
        if let Some(id) = self.connection.want(Instant::now(), self.loop_lock.is_held_here()) {
            self.network.abort(id);
        }
        self.queue.poke();
    }

    /// Connects now and waits for CONNACK; a refusal has reached `on_connect` when this returns.
    pub(crate) fn connect_now(&self, client: &C) -> Result<()> {
        let timeout = self.settings(|settings| settings.connect_timeout);
        let deadline = later(Instant::now(), timeout);
        let in_callback = self.loop_lock.is_held_here();
        self.run_pre_connect(client, deadline, in_callback)?;
        let id = self.connection.begin(in_callback);
        if let Err(error) = self.begin_attempt(id, deadline) {
            self.give_up(id, &error);
            return Err(error);
        }
        let outcome = self.connection.wait_outcome(id, later(deadline, GRACE)).unwrap_or_else(|| {
            let error = self.too_late("the name server's answer");
            self.give_up(id, &error);
            Err(error)
        });
        if matches!(outcome, Err(Error::Refused { .. })) && !in_callback {
            self.settle(client, &|| self.connection.is_told(id), Some(deadline));
        }
        self.queue.poke();
        outcome
    }

    fn too_late(&self, stage: &'static str) -> Error {
        self.settings(|settings| Error::ConnectTimeout {
            host: settings.host.clone(),
            port: settings.port,
            seconds: settings.connect_timeout.as_secs_f64(),
            stage,
        })
    }

    fn give_up(&self, id: ConnectionId, error: &Error) {
        self.connection.give_up(id, error, Instant::now());
        self.network.abort(id);
        self.queue.poke();
    }

    /// Runs `on_pre_connect`, where the loop runs callbacks. An error when it has not become free by `deadline`, or when
    /// the callback itself has asked for a connection, or for its end.
    fn run_pre_connect(&self, client: &C, deadline: Instant, has_lock: bool) -> Result<()> {
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
        let (userdata, before) = (self.userdata(), self.connection.requests());
        self.callbacks.pre_connect.call(|callback| {
            guarded(|| "on_pre_connect".into(), || callback(client, &userdata));
        });
        drop(guard);
        if self.connection.requests() == before { Ok(()) } else { Err(Error::Cancelled) }
    }

    fn begin_attempt(&self, id: ConnectionId, deadline: Instant) -> Result<()> {
        let plan = self.settings(|settings| settings.plan(id, self.connection.assigned_client_id(), deadline))?;
        self.network.connect(plan);
        Ok(())
    }

    /// Makes the loop's next attempt, if it is time. Needs the loop's lock.
    pub(super) fn connect_when_due(&self, client: &C) {
        let now = Instant::now();
        if self.connection.next_due().is_none_or(|at| at > now) {
            return;
        }
        let deadline = later(now, self.settings(|settings| settings.connect_timeout));
        if self.run_pre_connect(client, deadline, true).is_err() {
            return;
        }
        let Some(id) = self.connection.begin_due(now) else {
            return;
        };
        if let Err(error) = self.begin_attempt(id, deadline) {
            self.connection.give_up(id, &error, now);
        }
    }
}
