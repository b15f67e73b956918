//! The engine that hands messages over as they are.

use std::sync::Arc;

use crate::engine::{Engine, Intake};
use crate::event::{Event, EventQueue};

/// Nothing stands between the outbox, the session and the queue.
struct Native {
    queue: Arc<EventQueue>,
}

pub(crate) fn start(queue: &Arc<EventQueue>) -> (Box<dyn Engine>, Arc<dyn Intake>) {
    (Box::new(Native { queue: Arc::clone(queue) }), Arc::new(AtOnce))
}

impl Engine for Native {
    fn collectable(&self) -> u64 {
        u64::MAX
    }

    fn is_direct(&self) -> bool {
        true
    }

    fn deliver(&mut self, events: &mut Vec<Event>) {
        self.queue.append(events);
    }
}

/// Whatever is accepted may be collected.
struct AtOnce;

impl Intake for AtOnce {
    fn accepted(&self) -> bool {
        true
    }
}
