//! A message on its way, and a subscription on its way.

use std::sync::Arc;

use crate::outbox::{Receipt, Settled};
use crate::types::{Properties, Qos, Result, SubscribeOptions};

/// A message as the caller gave it.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) topic: String,
    pub(crate) payload: Arc<Vec<u8>>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) properties: Properties,
    /// Where the store keeps it, if there is one.
    pub(crate) stored: Option<Stored>,
}

/// The key of a message in the store.
pub(crate) type Stored = i64;

/// Keeps messages beyond the end of the program.
pub(crate) trait Keep: Send + Sync {
    /// Keeps a message; it is safe when this returns.
    fn add(&self, letter: &Letter) -> Result<Stored>;
    /// A message is confirmed or given up; soon it will be forgotten.
    fn remove(&self, stored: Stored);
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({:?}, {} bytes, QoS {})", self.topic, self.payload.len(), self.qos)
    }
}

/// A message with its place in line.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// Its number in the order of acceptance; the engine carries it in place of the payload.
    pub(crate) ticket: u64,
    pub(crate) letter: Arc<Letter>,
    pub(crate) receipt: Arc<Receipt>,
    /// Where its exchange with the broker stands, once it has left.
    pub(crate) wire: Option<Wire>,
}

/// The exchange of a message above QoS 0 with the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wire {
    /// The packet id.
    pub(crate) id: u16,
    /// Whether the broker has taken it over (PUBREC), so that only PUBREL and PUBCOMP are missing.
    pub(crate) received: bool,
}

/// What the engine is given to send.
#[derive(Debug)]
pub(crate) enum Handover {
    Message { ticket: u64, letter: Arc<Letter> },
    Request(Request),
}

/// A subscription or its end.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Subscribe { mid: u16, filters: Vec<(String, SubscribeOptions)>, properties: Properties },
    Unsubscribe { mid: u16, filters: Vec<String>, properties: Properties },
}

impl Request {
    pub(crate) fn mid(&self) -> u16 {
        match self {
            Request::Subscribe { mid, .. } | Request::Unsubscribe { mid, .. } => *mid,
        }
    }

    /// How many filters it names: the broker must answer each.
    pub(crate) fn len(&self) -> usize {
        match self {
            Request::Subscribe { filters, .. } => filters.len(),
            Request::Unsubscribe { filters, .. } => filters.len(),
        }
    }

    /// With the broker's answer.
    pub(crate) fn settled(self, codes: Vec<u8>, answer: Properties) -> Settled {
        match self {
            Request::Subscribe { mid, filters, .. } => {
                let filters = filters.into_iter().map(|(filter, _)| filter).collect();
                Settled::Subscribed { mid, filters, codes, properties: answer }
            }
            Request::Unsubscribe { mid, .. } => Settled::Unsubscribed { mid, codes, properties: answer },
        }
    }
}
