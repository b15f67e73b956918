//! When the network's thread must look at which client without being told.

use std::collections::BTreeSet;
use std::time::Instant;

/// Deadlines of all clients, the next one first.
///
/// A deadline that moves later, as a keep-alive's does with each packet, is not looked for in here: it fires early, and
/// is set anew.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(Instant, usize)>);

impl Deadlines {
    pub(crate) fn set(&mut self, at: Instant, client: usize) {
        self.0.insert((at, client));
    }

    /// An earlier one takes its place, or the client is gone.
    pub(crate) fn remove(&mut self, at: Instant, client: usize) {
        self.0.remove(&(at, client));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The next client whose deadline has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<usize> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, client)| client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_next_deadline_comes_first() {
        let now = Instant::now();
        let mut deadlines = Deadlines::default();
        for (after, client) in [(3, 30), (1, 10), (2, 20)] {
            deadlines.set(now + Duration::from_secs(after), client);
        }
        assert_eq!(deadlines.next(), Some(now + Duration::from_secs(1)));
        assert_eq!(deadlines.pop_due(now), None);
        let later = now + Duration::from_secs(2);
        assert_eq!(deadlines.pop_due(later), Some(10));
        assert_eq!(deadlines.pop_due(later), Some(20));
        assert_eq!(deadlines.pop_due(later), None);
        deadlines.remove(now + Duration::from_secs(3), 30);
        assert_eq!(deadlines.next(), None);
    }
}
