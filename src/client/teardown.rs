//! The end of a client: what happens when its last handle is dropped.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Core};
use crate::event_loop::lock;
use crate::outbox::is_waking;
use crate::types::{Error, Properties};
use crate::wire::disconnect_packet;

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
        if !core.events.turns.is_mine() && !is_waking() {
            return end(&core);
        }
        // Inside a callback the loop stands still, and a waker keeps the network from its work: the end is left to a
        // thread of its own.
        if let Err(error) = thread::Builder::new().name("rappel-end".into()).spawn(move || end(&core)) {
            log::error!("the client could not be ended in order: {error}");
        }
    }
}

/// Lets what was accepted finish, disconnects, and ends the loop's thread.
fn end<U: Send + Sync + 'static>(core: &Arc<Core<U>>) {
    let client = Client::passing(core);
    let events = &core.events;
    let version = lock(&events.profile).version;
    events.close(&client, disconnect_packet(version, 0, &Properties::new()), PATIENCE);
    events.cancel_attempt();
    let unconfirmed = events.engine.abandon();
    if !unconfirmed.is_empty() {
        log::error!(
            "the client was dropped while {} message(s) were not confirmed: call disconnect() before, it says so too, \
             or wait_for_publish() on what must arrive",
            unconfirmed.len()
        );
    }
    for receipt in unconfirmed {
        receipt.settle(Err(Error::Dropped));
        receipt.report();
    }
    if let Ok(thread) = events.turns.stop() {
        events.queue.poke();
        let ended = events.turns.wait_end(Instant::now() + PATIENCE);
        if let (true, Some(thread)) = (ended, thread) {
            // A loop that panicked has said so already.
            let _ = thread.join();
        }
    }
}
