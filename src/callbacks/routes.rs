//! Callbacks for some topics only (paho-python: `message_callback_add`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::callbacks::slot::Slot;
use crate::types::topic_matches_sub;

/// Callbacks by filter, in the order of their registration.
pub(crate) struct Routes<F: ?Sized> {
    entries: Vec<(Arc<str>, Arc<Slot<F>>)>,
}

impl<F: ?Sized> Default for Routes<F> {
    fn default() -> Self {
        Routes { entries: Vec::new() }
    }
}

pub(crate) fn lock<F: ?Sized>(routes: &Mutex<Routes<F>>) -> MutexGuard<'_, Routes<F>> {
    routes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F: ?Sized> Routes<F> {
    /// Registers a callback, in the place of an earlier one for the same filter.
    pub(crate) fn add(&mut self, filter: String, callback: Box<F>) {
        let slot = Arc::new(Slot::default());
        slot.set(Some(callback));
        match self.entries.iter_mut().find(|(known, _)| **known == *filter) {
            Some((_, place)) => *place = slot,
            None => self.entries.push((filter.into(), slot)),
        }
    }

    pub(crate) fn remove(&mut self, filter: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|(known, _)| **known != *filter);
        self.entries.len() < before
    }

    /// Every callback whose filter matches. Messages of a shared subscription come under their plain topic.
    pub(crate) fn matching(&self, topic: &str) -> Vec<(Arc<str>, Arc<Slot<F>>)> {
        self.entries.iter().filter(|(filter, _)| topic_matches_sub(unshared(filter), topic)).cloned().collect()
    }
}

/// The filter behind `$share/group/`.
fn unshared(filter: &str) -> &str {
    filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')).map_or(filter, |(_, plain)| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(filters: &[&str]) -> Routes<dyn FnMut() + Send> {
        let mut routes: Routes<dyn FnMut() + Send> = Routes::default();
        filters.iter().for_each(|filter| routes.add((*filter).to_owned(), Box::new(|| {})));
        routes
    }

    fn matching(routes: &Routes<dyn FnMut() + Send>, topic: &str) -> Vec<String> {
        routes.matching(topic).into_iter().map(|(filter, _)| filter.to_string()).collect()
    }

    #[test]
    fn every_matching_filter_counts() {
        let routes = routes(&["a/#", "a/+", "b", "$share/g/a/b"]);
        assert_eq!(matching(&routes, "a/b"), ["a/#", "a/+", "$share/g/a/b"]);
        assert_eq!(matching(&routes, "c"), Vec::<String>::new());
    }

    #[test]
    fn a_filter_has_one_callback() {
        let mut routes = routes(&["a", "a"]);
        assert_eq!(matching(&routes, "a"), ["a"]);
        assert!(routes.remove("a"));
        assert!(!routes.remove("a"));
    }
}
