//! Callbacks for some topics only (paho-python: `message_callback_add`), found level by level.

use std::collections::HashMap;
use std::sync::Arc;

use crate::callbacks::slot::Slot;
use crate::types::{language, tell};

/// A callback with the filter it was registered for.
type Route<F> = (Arc<str>, Arc<Slot<F>>);

/// Callbacks by filter: a tree with one node for each beginning of a filter, so that a filter that does not match costs
/// a message nothing.
///
/// The nodes lie in one list and name each other by their place in it: neither a search nor the end of the tree can use
/// up the stack, however many levels a filter has.
pub(crate) struct Routes<F: ?Sized> {
    /// The first one is the root.
    nodes: Vec<Node<F>>,
    /// Nodes that are no longer part of the tree, to be used again.
    free: Vec<usize>,
}

struct Node<F: ?Sized> {
    /// The next level of the filters that go on, as it is written in them.
    children: HashMap<Box<str>, usize>,
    /// The callbacks of the filters that end here: the one without `$share/group/` first, the others as they came.
    routes: Vec<Route<F>>,
}

/// A step of the search.
enum Step<'a> {
    /// Look at this node, with the levels of the topic that are left.
    Visit(usize, Option<&'a str>),
    /// Take the routes of this node, which ends in `#`.
    Take(usize),
}

impl<F: ?Sized> Default for Node<F> {
    fn default() -> Self {
        Node { children: HashMap::new(), routes: Vec::new() }
    }
}

impl<F: ?Sized> Default for Routes<F> {
    fn default() -> Self {
        Routes { nodes: vec![Node::default()], free: Vec::new() }
    }
}

impl<F: ?Sized> Routes<F> {
    const ROOT: usize = 0;

    /// Registers a callback, and gives back the earlier one for the same filter, to be dropped without the lock.
    #[must_use]
    pub(crate) fn add(&mut self, filter: String, callback: Box<F>) -> Option<Arc<Slot<F>>> {
        let filter: Arc<str> = filter.into();
        let slot = Arc::new(Slot::new(tell!(language(), "the callback for {filter:?}", "le callback de {filter:?}")));
        slot.set(Some(callback));
        let mut node = Self::ROOT;
        for level in unshared(&filter).split('/') {
            node = match self.nodes[node].children.get(level) {
                Some(child) => *child,
                None => self.grow(node, level),
            };
        }
        let routes = &mut self.nodes[node].routes;
        if let Some((_, place)) = routes.iter_mut().find(|(known, _)| *known == filter) {
            return Some(std::mem::replace(place, slot));
        }
        let place = if is_shared(&filter) { routes.len() } else { 0 };
        routes.insert(place, (filter, slot));
        None
    }

    /// Removes what `add` has registered and gives it back, to be dropped without the lock.
    #[must_use]
    pub(crate) fn remove(&mut self, filter: &str) -> Option<Arc<Slot<F>>> {
        let mut path = vec![];
        let mut node = Self::ROOT;
        for level in unshared(filter).split('/') {
            let child = *self.nodes[node].children.get(level)?;
            path.push((node, level, child));
            node = child;
        }
        let routes = &mut self.nodes[node].routes;
        let place = routes.iter().position(|(known, _)| **known == *filter)?;
        let (_, slot) = routes.remove(place);
        for (parent, level, child) in path.into_iter().rev() {
            if !self.nodes[child].routes.is_empty() || !self.nodes[child].children.is_empty() {
                break;
            }
            self.nodes[parent].children.remove(level);
            self.nodes[child] = Node::default();
            self.free.push(child);
        }
        Some(slot)
    }

    /// Every callback whose filter matches, in paho-python's order: at each level first what names it, then `+`, then
    /// `#`. Messages of a shared subscription come under their plain topic.
    pub(crate) fn matching(&self, topic: &str) -> Vec<Route<F>> {
        let mut matching = Vec::new();
        if self.nodes[Self::ROOT].children.is_empty() {
            // Most programs have on_message alone: for them nothing is allocated.
            return matching;
        }
        self.search(topic, |node| matching.extend_from_slice(&node.routes));
        matching
    }

    /// Shows `found` each node whose filters match, in order; gives how many steps that took.
    fn search(&self, topic: &str, mut found: impl FnMut(&Node<F>)) -> usize {
        let mut steps = vec![Step::Visit(Self::ROOT, Some(topic))];
        let mut taken = 0;
        // MQTT 5, section 4.7.2: a wildcard at the start does not match a topic that starts with `$`.
        let hidden = topic.starts_with('$');
        while let Some(step) = steps.pop() {
            taken += 1;
            let (place, rest) = match step {
                Step::Visit(place, rest) => (place, rest),
                Step::Take(place) => {
                    found(&self.nodes[place]);
                    continue;
                }
            };
            let node = &self.nodes[place];
            let children = &node.children;
            let wildcards = !(hidden && place == Self::ROOT);
            // The last step put down is the first one taken.
            if let Some(child) = children.get("#").filter(|_| wildcards) {
                steps.push(Step::Take(*child));
            }
            let Some(rest) = rest else {
                found(node);
                continue;
            };
            let (level, rest) = rest.split_once('/').map_or((rest, None), |(level, rest)| (level, Some(rest)));
            if let Some(child) = children.get("+").filter(|_| wildcards) {
                steps.push(Step::Visit(*child, rest));
            }
            if let Some(child) = children.get(level) {
                steps.push(Step::Visit(*child, rest));
            }
        }
        taken
    }

    /// A new node below `parent`.
    fn grow(&mut self, parent: usize, level: &str) -> usize {
        let child = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        self.nodes[parent].children.insert(level.into(), child);
        child
    }
}

/// The filter behind `$share/group/`.
fn unshared(filter: &str) -> &str {
    filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')).map_or(filter, |(_, plain)| plain)
}

fn is_shared(filter: &str) -> bool {
    unshared(filter).len() < filter.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::topic_matches_sub;

    type Nothing = dyn FnMut() + Send;

    fn routes<'a>(filters: impl IntoIterator<Item = &'a str>) -> Routes<Nothing> {
        let mut routes: Routes<Nothing> = Routes::default();
        filters.into_iter().for_each(|filter| drop(routes.add(filter.to_owned(), Box::new(|| {}))));
        routes
    }

    fn matching(routes: &Routes<Nothing>, topic: &str) -> Vec<String> {
        routes.matching(topic).into_iter().map(|(filter, _)| filter.to_string()).collect()
    }

    #[test]
    fn the_order_is_pythons() {
        let routes = routes(["#", "+/#", "+/+", "a/#", "a/+", "a/b", "a/b/#", "b"]);
        // The answer of paho.mqtt.matcher.MQTTMatcher.iter_match, version 2.2, whatever the order of registration.
        assert_eq!(matching(&routes, "a/b"), ["a/b", "a/b/#", "a/+", "a/#", "+/+", "+/#", "#"]);
        assert_eq!(matching(&routes, "$SYS/b"), Vec::<String>::new());
    }

    #[test]
    fn shared_subscriptions_come_under_their_plain_topic() {
        let routes = routes(["$share/g/a/b", "a/+", "$share/h/a/b", "a/b"]);
        assert_eq!(matching(&routes, "a/b"), ["a/b", "$share/g/a/b", "$share/h/a/b", "a/+"]);
        assert_eq!(matching(&routes, "$share/g/a/b"), Vec::<String>::new());
    }

    #[test]
    fn a_filter_has_one_callback() {
        let mut routes = routes(["a", "a"]);
        assert_eq!(matching(&routes, "a"), ["a"]);
        assert!(routes.remove("a").is_some());
        assert!(routes.remove("a").is_none());
        assert_eq!(matching(&routes, "a"), Vec::<String>::new());
    }

    #[test]
    fn what_is_removed_leaves_nothing_behind() {
        let mut routes = routes(["a/b/c", "a", "a/b/+"]);
        let nodes = routes.nodes.len();
        assert!(routes.remove("a/b").is_none() && routes.remove("a/b/c/d").is_none());
        for filter in ["a", "a/b/c", "a/b/+"] {
            assert!(routes.remove(filter).is_some(), "{filter}");
        }
        assert!(routes.nodes[Routes::<Nothing>::ROOT].children.is_empty());
        for filter in ["x/y/z", "x/y/+", "x"] {
            drop(routes.add(filter.to_owned(), Box::new(|| {})));
        }
        assert_eq!(routes.nodes.len(), nodes, "nodes are used again");
        assert_eq!(matching(&routes, "x/y/z"), ["x/y/z", "x/y/+"]);
    }

    #[test]
    fn every_filter_that_matches_is_found() {
        let levels = ["", "a", "b", "$x", "+"];
        let mut filters = vec!["#".to_owned()];
        for first in levels {
            filters.push(first.to_owned());
            filters.push(format!("{first}/#"));
            for second in levels {
                filters.push(format!("{first}/{second}"));
                filters.push(format!("{first}/{second}/#"));
                filters.extend(levels.map(|third| format!("{first}/{second}/{third}")));
            }
        }
        let routes = routes(filters.iter().map(String::as_str));
        for topic in filters.iter().filter(|filter| !filter.contains(['+', '#'])) {
            let mut expected: Vec<String> =
                filters.iter().filter(|filter| topic_matches_sub(filter, topic)).cloned().collect();
            let mut found = matching(&routes, topic);
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{topic:?}");
        }
    }

    #[test]
    fn filters_that_do_not_match_cost_nothing() {
        let matching = ["a/b/c", "a/+/c", "a/#", "#"];
        let steps = routes(matching).search("a/b/c", |_| {});
        let others: Vec<String> =
            (0..10_000).flat_map(|n| [format!("x{n}/b/c"), format!("a/x{n}/#"), format!("a/b/x{n}")]).collect();
        let routes = routes(matching.into_iter().chain(others.iter().map(String::as_str)));
        assert_eq!(routes.search("a/b/c", |_| {}), steps);
        assert_eq!(self::matching(&routes, "a/b/c"), matching);
    }

    #[test]
    fn a_filter_may_have_as_many_levels_as_fit() {
        let deep = "/".repeat(65_535);
        let wild = "+/".repeat(32_767);
        let mut routes = routes([deep.as_str(), wild.as_str()]);
        assert_eq!(matching(&routes, &deep), [deep.as_str()]);
        assert_eq!(matching(&routes, &"a/".repeat(32_767)), [wild.as_str()]);
        assert!(routes.remove(&deep).is_some());
    }
}
