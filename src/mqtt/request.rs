//! A subscription or its end, on its way to the broker.

use crate::mqtt::{encode_subscribe, encode_unsubscribe, message_id};
use crate::types::{Properties, Protocol, SubscribeOptions};

/// What SUBSCRIBE or UNSUBSCRIBE asks for, with its place in the order of acceptance.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// As a message's: the message id follows from it.
    pub(crate) sequence: u64,
    pub(crate) filters: Filters,
    pub(crate) properties: Properties,
}

/// The topic filters of a request.
#[derive(Debug, Clone)]
pub(crate) enum Filters {
    Subscribe(Vec<(String, SubscribeOptions)>),
    Unsubscribe(Vec<String>),
}

impl Request {
    pub(crate) fn id(&self) -> u16 {
        message_id(self.sequence)
    }

    /// How many filters it names: the broker answers each.
    pub(crate) fn len(&self) -> usize {
        match &self.filters {
            Filters::Subscribe(filters) => filters.len(),
            Filters::Unsubscribe(filters) => filters.len(),
        }
    }

    pub(crate) fn filter_names(&self) -> impl Iterator<Item = &str> {
        let (subscribe, unsubscribe) = match &self.filters {
            Filters::Subscribe(filters) => (filters.as_slice(), &[][..]),
            Filters::Unsubscribe(filters) => (&[][..], filters.as_slice()),
        };
        subscribe.iter().map(|(filter, _)| filter.as_str()).chain(unsubscribe.iter().map(String::as_str))
    }

    pub(crate) fn is_subscribe(&self) -> bool {
        matches!(self.filters, Filters::Subscribe(_))
    }

    /// Appends the packet.
    pub(crate) fn encode(&self, version: Protocol, out: &mut Vec<u8>) {
        match &self.filters {
            Filters::Subscribe(filters) => encode_subscribe(version, self.id(), filters, &self.properties, out),
            Filters::Unsubscribe(filters) => encode_unsubscribe(version, self.id(), filters, &self.properties, out),
        }
    }
}
