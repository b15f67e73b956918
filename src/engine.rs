//! MQTT itself, by the `paho_mqtt` crate: the only part of the program that names it.
//!
//! Every connection gets a Paho client of its own, connected to the link's loopback port. What must survive
//! a connection, the unconfirmed messages and the state of their exchange, lives in the outbox.

mod attempt;
mod convert;
mod core;
mod paho;
mod tap;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use self::core::Core;
use crate::event::EventQueue;
use crate::link::Link;
use crate::outbox::{Accepted, Keep, Letter, Outbox, Receipt, Request};
use crate::types::{Error, Result};

pub(crate) use attempt::{Attempt, Plan};

/// The engine of one client.
#[derive(Debug)]
pub(crate) struct Engine {
    core: Arc<Core>,
    /// Opened by the first attempt.
    link: OnceLock<Link>,
    /// Held by the attempt that is past the network and works with Paho.
    attempts: Mutex<()>,
}

impl Engine {
    /// An engine that makes no connection yet, with the messages that `store` has kept.
    pub(crate) fn new(queue: Arc<EventQueue>, store: Option<Arc<dyn Keep>>, kept: Vec<Letter>) -> Engine {
        let core = Core::new(queue, store);
        {
            let mut state = core.lock();
            for letter in kept {
                // The queue has no limit yet, so that nothing can be refused.
                let _ = state.outbox.publish(letter, false, false);
            }
        }
        Engine { core: Arc::new(core), link: OnceLock::new(), attempts: Mutex::new(()) }
    }

    /// The link, opened if this is the first attempt. Needs the lock on `attempts`.
    fn link(&self) -> Result<&Link> {
        if self.link.get().is_none() {
            let link = Link::open(Arc::clone(&self.core) as _)
                .map_err(|error| Error::Engine { problem: format!("no loopback port could be opened: {error}") })?;
            return Ok(self.link.get_or_init(|| link));
        }
        self.link.get().ok_or(Error::Dropped)
    }

    /// Starts to make a connection on a thread of its own, ending the one there is.
    pub(crate) fn connect(self: &Arc<Self>, plan: Plan, number: u64, tells_failure: bool) -> Arc<Attempt> {
        attempt::start(Arc::clone(self), plan, number, tells_failure)
    }

    /// Nobody wants the connection of `attempt` any more.
    pub(crate) fn cancel(&self, attempt: &Attempt) {
        attempt.cancel();
        self.core.lock().over(attempt.number());
    }

    /// Accepts a message and, if the way is free, hands it over.
    pub(crate) fn publish(&self, letter: Letter, keep_latest: bool) -> Result<Accepted> {
        self.core.publish(letter, keep_latest)
    }

    /// Accepts a subscription or its end; `None` when there is no connection, made or being made.
    pub(crate) fn request(&self, make: impl FnOnce(u16) -> Request) -> Option<u16> {
        self.core.request(make)
    }

    /// Whether CONNACK has accepted the connection that stands now.
    pub(crate) fn is_connected(&self) -> bool {
        self.read(Outbox::is_online)
    }

    /// Reads the outbox.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&Outbox) -> R) -> R {
        look(&self.core.lock().outbox)
    }

    /// Changes the outbox, and hands over what may go now.
    pub(crate) fn with_outbox<R>(&self, act: impl FnOnce(&mut Outbox) -> R) -> R {
        let done = act(&mut self.core.lock().outbox);
        self.core.pump();
        done
    }

    /// Ends the connection in order with `packet`, a DISCONNECT.
    pub(crate) fn finish(&self, packet: Vec<u8>) {
        if let Some(link) = self.link.get() {
            link.finish(packet);
        }
    }

    /// Ends the connection at once.
    fn abort(&self) {
        if let Some(link) = self.link.get() {
            link.abort();
        }
    }

    /// Whether a connection stands or is being made.
    pub(crate) fn is_under_way(&self) -> bool {
        self.core.lock().under_way.is_some()
    }

    /// Whether nothing is unconfirmed.
    pub(crate) fn is_idle(&self) -> bool {
        self.read(Outbox::is_idle)
    }

    /// There is room again for messages.
    pub(crate) fn resume(&self) {
        if let Some(link) = self.link.get() {
            link.resume();
        }
    }

    /// Gives up everything unconfirmed.
    pub(crate) fn abandon(&self) -> Vec<Arc<Receipt>> {
        self.core.lock().outbox.abandon()
    }

    /// Waits until the network is done with the connection; `false` when it is not by `deadline`.
    pub(crate) fn wait_ended(&self, deadline: Instant) -> bool {
        self.core.wait_ended(deadline)
    }
}

impl Drop for Engine {
    /// Ends the connection at once, and lets go of Paho on this thread, which is none of Paho's.
    fn drop(&mut self) {
        self.abort();
        if !self.core.wait_ended(Instant::now() + Duration::from_secs(2)) {
            log::warn!("the engine has not let go of its connection");
        }
        // The link lets go of the core on its own thread, where a store must not be closed.
        let store = self.core.take_store();
        drop(store);
        let retired = self.core.lock().paho.take();
        if let Some(paho) = retired {
            paho::retire(paho);
        }
    }
}
