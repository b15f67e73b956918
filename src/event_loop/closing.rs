//! Ending the connection in order, and the client for good.

use std::time::{Duration, Instant};

use crate::callbacks::AnyClient;
use crate::event_loop::EventLoop;
use crate::event_loop::connection_state::Close;
use crate::mqtt::Stage;
use crate::sync::lock;
use crate::types::later;

/// How much longer than its time limit an orderly end may take that only needs the network.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl EventLoop {
    /// Ends the connection in order within `patience`, with the DISCONNECT `packet`; gives how many messages were not
    /// confirmed, or `None` when there was nothing to end. Inside a callback it only asks for the end: the loop sees to
    /// it.
    pub(crate) fn close(&self, client: &dyn AnyClient, packet: Vec<u8>, patience: Duration) -> Option<usize> {
        let deadline = later(Instant::now(), patience);
        let in_callback = self.loop_lock.waits_for_this_thread();
        let ending = match self.connection.close() {
            Close::NothingToDo => return None,
            Close::Done => None,
            Close::Abort(id) => {
                self.network.abort(id);
                None
            }
            Close::Wait(id) => {
                // The loop may have begun to tell of the loss before the program wanted the end.
                self.forget_subscriptions();
                Some(id)
            }
            Close::Finish(id) => {
                self.outbox.tell_offline();
                self.network.accepted(false);
                if !in_callback && !self.loop_lock.is_looping() {
                    // Nobody else runs what is due for the callbacks, which may still publish.
                    let done = || !self.connection.is_ending(id) || (self.queue.len() == 0 && self.outbox.is_idle());
                    self.settle(client, &done, Some(deadline));
                }
                self.network.finish(id, packet, deadline);
                Some(id)
            }
        };
        self.queue.poke();
        if ending.is_none() {
            self.forget_subscriptions();
        }
        if in_callback {
            return Some(0);
        }
        let limit = later(deadline, LAST_WORDS);
        if let Some(id) = ending
            && !self.settle(client, &|| !self.connection.is_ending(id), Some(limit))
        {
            // The loop is busy with a callback: the connection is ended without it.
            self.network.abort(id);
        }
        // What is still due is run, unless a loop of the program's does so.
        let drained = || self.loop_lock.is_looping() || self.queue.len() == 0;
        self.settle(client, &drained, Some(limit));
        Some(self.outbox.pending())
    }

    /// The program has disconnected: it will subscribe anew.
    pub(super) fn forget_subscriptions(&self) {
        lock(&self.subscriptions).clear();
        self.outbox.forget_requests();
    }

    /// Gives up everything, and lets whoever waits know: the client is going away. Gives how many messages were not
    /// confirmed.
    pub(crate) fn abandon(&self) -> usize {
        let unconfirmed = self.outbox.pending();
        // What the store has kept stays there for the next start.
        self.outbox.close_store();
        self.network.abandon();
        for completion in self.queue.unreported() {
            if completion.reach(Stage::CallbackDone, Ok(())) {
                completion.notify();
            }
        }
        unconfirmed
    }
}
