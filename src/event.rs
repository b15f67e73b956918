//! What happens on the network, as the event loop will hear of it: one queue per client.

mod log_tap;
mod queue;
mod unacked;

use std::sync::Arc;

use crate::mqtt::Completion;
use crate::types::{Error, LogLevel, Message, Properties, ReasonCode};

pub(crate) use queue::{EventQueue, Popped, WakeLoop};

/// The number of a connection, from the attempt that makes it to its end; each attempt has its own, from 1.
pub(crate) type ConnectionId = u64;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// CONNACK accepted the connection. `is_same_session`: the broker has kept the session of the connection before, with the
    /// subscriptions made in it; it may also have kept an older one.
    Connected {
        id: ConnectionId,
        session_present: bool,
        is_same_session: bool,
        code: ReasonCode,
        properties: Properties,
    },
    /// CONNACK refused it.
    Refused { id: ConnectionId, code: ReasonCode, properties: Properties },
    /// There was no CONNACK.
    ConnectFailed { id: ConnectionId, error: Error },
    /// An accepted connection has ended.
    Disconnected { id: ConnectionId, code: ReasonCode, properties: Properties, by_server: bool },
    /// A message of the broker's. Its number goes to [`EventQueue::handled`] when its callbacks have returned.
    Message(Message),
    /// A message of ours is confirmed or refused.
    Published { completion: Arc<Completion>, code: ReasonCode, properties: Properties },
    /// SUBSCRIBE is answered, with one code for each filter.
    Subscribed { mid: u16, filters: Vec<String>, codes: Vec<ReasonCode>, properties: Properties },
    /// A line for `on_log`.
    Log { level: LogLevel, text: String },
    /// UNSUBSCRIBE is answered.
    Unsubscribed { mid: u16, codes: Vec<ReasonCode>, properties: Properties },
}

impl Event {
    /// What it counts for in the queue's memory; 0 for what cannot pile up.
    pub(crate) fn size(&self) -> usize {
        /// What a message costs beside its payload.
        const OVERHEAD: usize = 256;
        match self {
            Event::Message(message) => message.payload.len() + OVERHEAD,
            _ => 0,
        }
    }
}
