//! The brokers of a client, and which of them is next: pure, the chance is given.

use std::sync::Arc;

use crate::types::place;

/// Where one broker is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    /// A name or an address; with Unix sockets, a path.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The brokers that the program has named, in the order in which they are tried, and where a client stands among them.
///
/// A round goes over the whole list once, from the broker where it begins; within it nobody waits.
#[derive(Debug, Default)]
pub(crate) struct Brokers {
    nodes: Vec<Arc<Node>>,
    /// The one in use, or tried now or next.
    current: usize,
    /// How many have been tried in this round, the current one among them.
    tried: usize,
    sessions_are_shared: bool,
}

impl Brokers {
    /// In the order given. `sessions_are_shared` says that they are one cluster with one store of sessions.
    pub(crate) fn new(nodes: Vec<Node>, sessions_are_shared: bool) -> Self {
        let nodes = nodes.into_iter().map(Arc::new).collect();
        Brokers { nodes, current: 0, tried: 1, sessions_are_shared }
    }

    /// Puts them in an order of chance, by numbers between 0 and 1: of many clients, each has its own.
    pub(crate) fn shuffle(&mut self, chance: impl Fn() -> f64) {
        for last in (1..self.nodes.len()).rev() {
            let other = (chance() * (last + 1) as f64) as usize;
            self.nodes.swap(last, other.min(last));
        }
    }

    /// The broker in use, or tried now or next; none before the first `connect`.
    pub(crate) fn current(&self) -> Option<&Arc<Node>> {
        self.nodes.get(self.current)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A round begins at the current broker.
    pub(crate) fn begin_round(&mut self) {
        self.tried = 1;
    }

    /// Goes to the next broker. `false` when all have been tried: the next round, which begins there, is not due at once.
    pub(crate) fn go_on(&mut self) -> bool {
        let is_left = self.tried < self.nodes.len();
        self.current = (self.current + 1) % self.nodes.len().max(1);
        self.tried = if is_left { self.tried + 1 } else { 1 };
        is_left
    }

    /// With whom a session at the current broker is: with it alone, or with the cluster, whatever the order of its nodes.
    pub(crate) fn session_keeper(&self) -> String {
        let name = |node: &Arc<Node>| place(&node.host, node.port);
        if !self.sessions_are_shared {
            return self.current().map(name).unwrap_or_default();
        }
        let mut names: Vec<String> = self.nodes.iter().map(name).collect();
        names.sort_unstable();
        names.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brokers(names: &str) -> Brokers {
        let node = |host: &str| Node { host: host.to_owned(), port: 1883 };
        Brokers::new(names.split(' ').map(node).collect(), false)
    }

    fn host(brokers: &Brokers) -> &str {
        brokers.current().map_or("", |node| &node.host)
    }

    /// The brokers tried until a round is over.
    fn round(brokers: &mut Brokers) -> String {
        let mut tried = vec![host(brokers).to_owned()];
        while brokers.go_on() {
            tried.push(host(brokers).to_owned());
        }
        tried.join(" ")
    }

    #[test]
    fn a_round_tries_each_once_and_the_next_one_goes_on_from_there() {
        let mut brokers = brokers("a b c");
        assert_eq!([round(&mut brokers), round(&mut brokers)], ["a b c", "a b c"]);
        assert!(brokers.go_on());
        brokers.begin_round();
        assert_eq!([round(&mut brokers), round(&mut brokers)], ["b c a", "b c a"]);
    }

    #[test]
    fn one_broker_is_a_round_of_its_own_and_none_is_no_place() {
        assert_eq!(round(&mut brokers("a")), "a");
        let mut none = Brokers::default();
        assert!(!none.go_on() && none.current().is_none());
    }

    #[test]
    fn chance_decides_the_order_and_leaves_nobody_out() {
        for (chance, order) in [(0.0, "b c d a"), (0.999, "a b c d"), (1.0, "a b c d")] {
            let mut brokers = brokers("a b c d");
            brokers.shuffle(|| chance);
            assert_eq!(round(&mut brokers), order);
        }
    }

    #[test]
    fn a_session_is_with_a_node_or_with_the_cluster() {
        let mut own = brokers("b a");
        assert_eq!(own.session_keeper(), "b:1883");
        own.go_on();
        assert_eq!(own.session_keeper(), "a:1883");
        let shared = |names| Brokers { sessions_are_shared: true, ..brokers(names) }.session_keeper();
        assert_eq!((shared("b a"), shared("a b")), ("a:1883,b:1883".to_owned(), "a:1883,b:1883".to_owned()));
    }
}
