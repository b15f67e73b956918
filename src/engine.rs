//! The seam between two engines: how a message gets from the outbox to the session, and from the session to the events.
//!
//! MQTT itself is the same behind both ([`crate::mqtt`]), and so is every promise.

mod native;
#[cfg(feature = "paho")]
mod paho;

use std::io;
use std::sync::Arc;

use mio::{Registry, Token};

use crate::event::{Event, EventQueue};
use crate::outbox::Outbox;
use crate::types::{self, Result};

/// One client's engine, for its whole life. It lives behind the lock of the connection; nothing in here may wait.
pub(crate) trait Engine: Send {
    /// The sequence up to which messages of the outbox may go to the session.
    fn collectable(&self) -> u64;

    /// Whether the engine need not see what is accepted: it may be encoded, and written, by whoever publishes.
    fn is_direct(&self) -> bool {
        false
    }

    /// Delivers events to the queue, in the order of the wire; `events` is empty afterwards.
    fn deliver(&mut self, events: &mut Vec<Event>);

    /// The network's thread has put a message into the outbox itself, where [`Intake::accepted`] may not be called.
    fn appended(&mut self) {}

    /// Has a socket of the engine's own watched.
    fn register(&mut self, _registry: &Registry, _token: Token) -> io::Result<()> {
        Ok(())
    }

    /// The engine's own socket is ready: [`collectable`](Self::collectable) may have changed.
    fn ready(&mut self) {}
}

/// The publishers' end of an engine.
pub(crate) trait Intake: Send + Sync {
    /// A message has been put into the outbox. Called on any thread, with no lock held. `true` asks that the network's
    /// thread collect it; otherwise the engine's own socket will say when.
    fn accepted(&self) -> bool;
}

/// Starts the engine `which`, on a thread that may wait for a moment.
pub(crate) fn start(
    which: types::Engine,
    outbox: &Arc<Outbox>,
    queue: &Arc<EventQueue>,
) -> Result<(Box<dyn Engine>, Arc<dyn Intake>)> {
    match which {
        types::Engine::Native => Ok(native::start(queue)),
        #[cfg(feature = "paho")]
        types::Engine::Paho => paho::start(outbox, queue),
        #[cfg(not(feature = "paho"))]
        types::Engine::Paho => {
            let _ = outbox;
            Err(types::Error::EngineNotCompiled)
        }
    }
}
