//! What happens on the network, as the event loop will hear of it: one queue per client.

mod queue;

use crate::outbox::Settled;
use crate::types::{Error, Message, Properties, ReasonCode};

pub(crate) use queue::{EventQueue, Popped};

/// One thing that happened. `attempt` is the number of the connection it belongs to.
#[derive(Debug)]
pub(crate) enum Event {
    /// CONNACK accepted the connection.
    Connected {
        attempt: u64,
        session_present: bool,
        code: ReasonCode,
        properties: Properties,
    },
    /// CONNACK refused it.
    Refused {
        attempt: u64,
        code: ReasonCode,
        properties: Properties,
    },
    /// There was no CONNACK.
    ConnectFailed {
        attempt: u64,
        error: Error,
    },
    /// An accepted connection has ended.
    Disconnected {
        attempt: u64,
        code: ReasonCode,
        properties: Properties,
        by_server: bool,
    },
    Settled(Settled),
    Message(Message),
}
