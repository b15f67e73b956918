//! The end of a client: what happens when its last handle is dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{Client, Core};
use crate::mqtt::{encode_disconnect, is_waking};
use crate::sync::spawn;
use crate::types::{Notice, Properties};

/// How long dropping the last handle may wait for confirmations.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shared by the handles that keep a client going; ends it when the last of them is dropped.
pub(crate) struct Owner<U: Send + Sync + 'static> {
    core: Arc<Core<U>>,
}

impl<U: Send + Sync + 'static> Owner<U> {
    pub(crate) fn new(core: Arc<Core<U>>) -> Self {
        Owner { core }
    }
}

impl<U: Send + Sync + 'static> Drop for Owner<U> {
    fn drop(&mut self) {
        let core = Arc::clone(&self.core);
        if !core.events.loop_lock.waits_for_this_thread() && !is_waking() {
            return end(&core);
        }
        // Inside a callback the loop stands still, and a waker keeps the network from its work: the end is left to a
        // thread of its own.
        if let Err(error) = spawn("rappel-end", Box::new(move || end(&core))) {
            log::error!("the client could not be ended in order: {error}");
        }
    }
}

/// Lets what was accepted finish, disconnects, and ends the loop's thread.
fn end<U: Send + Sync + 'static>(core: &Arc<Core<U>>) {
    let deadline = Instant::now() + PATIENCE;
    let client = Client::passing(core);
    let events = &core.events;
    let ended = events.close(&client, encode_disconnect(events.version(), 0, &Properties::new()), PATIENCE * 3 / 4);
    // What disconnect() has left, it has said.
    let was_told = ended.is_none() && events.was_ended();
    let unconfirmed = events.abandon();
    if unconfirmed > 0 && !was_told {
        log::error!("{}", Notice::Dropped { count: unconfirmed });
    }
    if let Ok(thread) = events.loop_lock.stop() {
        events.queue.poke();
        let ended = events.loop_lock.wait_end(deadline);
        if let (true, Some(thread)) = (ended, thread) {
            // Nothing in there panics: foreign code is guarded.
            let _ = thread.join();
        }
    }
}
