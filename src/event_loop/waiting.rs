//! Waiting for something, while the loop goes on: here, if no other thread runs it.

use std::time::{Duration, Instant};

use crate::callbacks::AnyClient;
use crate::event_loop::{EventLoop, POLL_INTERVAL};
use crate::mqtt::{Completion, Stage};
use crate::outbox::{Accepted, Draft};
use crate::types::{Error, Qos, Result};

impl EventLoop {
    /// Waits until `done`, running the loop if nobody else does; `false` when it is not by `deadline`.
    pub(crate) fn settle(&self, client: &dyn AnyClient, done: &dyn Fn() -> bool, deadline: Option<Instant>) -> bool {
        loop {
            if done() {
                return true;
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return false;
            }
            let glance = deadline.map_or(now + POLL_INTERVAL, |deadline| deadline.min(now + POLL_INTERVAL));
            if let Some(guard) = self.loop_lock.take_or_wait(Some(glance)) {
                if !done() {
                    self.step(client, Some(glance));
                }
                drop(guard);
            }
        }
    }

    /// Accepts a message.
    pub(crate) fn publish(&self, draft: Draft) -> Result<Accepted> {
        let connected = self.is_under_way();
        if draft.qos == Qos::AtMostOnce && !connected {
            return Err(Error::NotConnected { what: "publish with QoS 0" });
        }
        self.outbox.publish(draft, connected)
    }

    /// Accepts a message once there is room for it; fails at `deadline`, and where nothing would make any.
    pub(crate) fn publish_when_room(
        &self,
        client: &dyn AnyClient,
        draft: Draft,
        deadline: Option<Instant>,
    ) -> Result<Accepted> {
        /// How long the loop is run at a time where nobody else runs it.
        const GLANCE: Duration = Duration::from_millis(1);
        let mut urgent = None;
        loop {
            let full = match self.publish(draft.clone()) {
                Err(full @ (Error::QueueFull { .. } | Error::QueueBytesFull { .. })) => full,
                other => return other,
            };
            let now = Instant::now();
            let in_callback = self.loop_lock.waits_for_this_thread();
            // Nothing would make room: no connection is wanted, or none can be made while the callback waits.
            let in_vain = self.is_idle() || (in_callback && !self.is_under_way());
            if in_vain || deadline.is_some_and(|deadline| deadline <= now) {
                return Err(full);
            }
            if in_callback {
                // The confirmations must come in, however much waits for the callbacks.
                let (guard, was_full) = self.queue.urgent();
                if was_full {
                    self.network.wake();
                }
                urgent = Some(guard);
            } else if !self.loop_lock.is_looping() {
                self.settle(client, &|| false, Some(now + GLANCE));
            }
            let glance = deadline.map_or(now + POLL_INTERVAL, |deadline| deadline.min(now + POLL_INTERVAL));
            if !self.outbox.wait_for_room(&draft, glance) {
                return Err(full);
            }
            drop(urgent.take());
        }
    }

    /// Waits for the confirmation of a message, and for its `on_publish` where one can run.
    pub(crate) fn wait_for_publish(
        &self,
        client: &dyn AnyClient,
        completion: &Completion,
        deadline: Option<Instant>,
    ) -> Result<bool> {
        if self.loop_lock.waits_for_this_thread() {
            return self.wait_in_callback(completion, deadline);
        }
        loop {
            let stage = completion.stage();
            if stage == Stage::CallbackDone {
                return completion.result().map(|()| true);
            }
            if stage == Stage::Pending && self.is_idle() && self.queue.len() == 0 {
                return Err(Error::NotConnected { what: "wait_for_publish" });
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(false);
            }
            let glance = deadline.map_or(now + POLL_INTERVAL, |deadline| deadline.min(now + POLL_INTERVAL));
            if self.loop_lock.is_looping() {
                completion.wait(Stage::CallbackDone, Some(glance));
            } else {
                let done = || completion.stage() == Stage::CallbackDone || self.loop_lock.is_looping();
                self.settle(client, &done, Some(glance));
            }
        }
    }

    /// Inside a callback the loop stands still: only the confirmation itself can be waited for, and only while the
    /// connection lasts.
    fn wait_in_callback(&self, completion: &Completion, deadline: Option<Instant>) -> Result<bool> {
        let (_urgent, was_full) = self.queue.urgent();
        if was_full {
            self.network.wake();
        }
        loop {
            if completion.stage() >= Stage::Confirmed {
                return completion.result().map(|()| true);
            }
            if !self.is_under_way() {
                return Err(Error::NotConnected { what: "wait_for_publish inside a callback" });
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(false);
            }
            completion
                .wait(Stage::Confirmed, Some(deadline.map_or(now + POLL_INTERVAL, |at| at.min(now + POLL_INTERVAL))));
        }
    }

    /// A loop has ended: whoever awaits an `on_publish` that it would have run looks again.
    pub(crate) fn loop_ended(&self) {
        self.queue.unreported().iter().for_each(|completion| completion.notify());
    }
}
