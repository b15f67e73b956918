//! What the program has subscribed to, so that it can be restored when the broker has lost the session.

use crate::event::ConnectionId;
use crate::types::{Properties, ReasonCode, SubscribeOptions};

/// The subscriptions the program counts on.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    filter: String,
    options: SubscribeOptions,
    properties: Properties,
    /// The connection during which it was last asked for.
    connection: ConnectionId,
    /// The broker has answered; before that the request itself is repeated.
    answered: bool,
}

impl Subscriptions {
    /// The program asks for `filters` during `connection`.
    pub(crate) fn requested(
        &mut self,
        filters: Vec<(String, SubscribeOptions)>,
        properties: &Properties,
        connection: ConnectionId,
    ) {
        for (filter, options) in filters {
            self.entries.retain(|entry| entry.filter != filter);
            self.entries.push(Entry { filter, options, properties: properties.clone(), connection, answered: false });
        }
    }

    /// The broker has answered: what it refused is no longer wanted.
    pub(crate) fn answered(&mut self, filters: &[String], codes: &[ReasonCode]) {
        for (filter, code) in filters.iter().zip(codes) {
            if code.is_failure() {
                self.entries.retain(|entry| entry.filter != *filter);
            } else if let Some(entry) = self.entries.iter_mut().find(|entry| entry.filter == *filter) {
                entry.answered = true;
            }
        }
    }

    pub(crate) fn removed(&mut self, filters: &[String]) {
        self.entries.retain(|entry| !filters.contains(&entry.filter));
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// What `connection` lacks: answered before it, and not asked for during it. They count as asked for
    /// from now on; filters with the same properties come together.
    pub(crate) fn missing(&mut self, connection: ConnectionId) -> Vec<(Vec<(String, SubscribeOptions)>, Properties)> {
        let mut groups: Vec<(Vec<(String, SubscribeOptions)>, Properties)> = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| entry.answered && entry.connection != connection) {
            entry.connection = connection;
            entry.answered = false;
            let wanted = (entry.filter.clone(), entry.options.clone());
            match groups.iter_mut().find(|(_, properties)| *properties == entry.properties) {
                Some((filters, _)) => filters.push(wanted),
                None => groups.push((vec![wanted], entry.properties.clone())),
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::PacketType;

    fn wanted(filters: &[&str]) -> Vec<(String, SubscribeOptions)> {
        filters.iter().map(|filter| ((*filter).to_owned(), SubscribeOptions::from(1))).collect()
    }

    fn codes(values: &[u8]) -> Vec<ReasonCode> {
        values.iter().map(|&value| ReasonCode::new(PacketType::Suback, value)).collect()
    }

    fn names(filters: &[&str]) -> Vec<String> {
        filters.iter().map(|filter| (*filter).to_owned()).collect()
    }

    fn missing(subscriptions: &mut Subscriptions, connection: ConnectionId) -> Vec<String> {
        subscriptions
            .missing(connection)
            .into_iter()
            .flat_map(|(filters, _)| filters)
            .map(|(filter, _)| filter)
            .collect()
    }

    #[test]
    fn what_on_connect_asked_for_itself_is_not_missing() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.requested(wanted(&["a", "b", "c"]), &Properties::new(), 1);
        subscriptions.answered(&names(&["a", "b", "c"]), &codes(&[0, 1, 0x80]));
        subscriptions.requested(wanted(&["a"]), &Properties::new(), 2);
        assert_eq!(missing(&mut subscriptions, 2), ["b"]);
        assert_eq!(missing(&mut subscriptions, 2), Vec::<String>::new(), "once");
    }

    #[test]
    fn what_was_not_answered_is_repeated_by_the_outbox() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.requested(wanted(&["a"]), &Properties::new(), 1);
        assert_eq!(missing(&mut subscriptions, 2), Vec::<String>::new());
    }

    #[test]
    fn what_was_given_up_stays_away() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.requested(wanted(&["a", "b"]), &Properties::new(), 1);
        subscriptions.answered(&names(&["a", "b"]), &codes(&[0, 0]));
        subscriptions.removed(&names(&["a"]));
        assert_eq!(missing(&mut subscriptions, 2), ["b"]);
    }
}
