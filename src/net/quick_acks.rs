//! When to have the system acknowledge at once what was read: pure, the time is given.

use std::time::{Duration, Instant};

/// So many reads are acknowledged at once: as many as an answer of the broker's comes in.
const AT_ONCE: u32 = 4;
/// After them, the others are acknowledged together.
const PAUSE: Duration = Duration::from_millis(1);

/// A broker that leaves Nagle's algorithm on, as Mosquitto does, holds back each small packet until the one before is
/// acknowledged by TCP, and a system takes up to 40 ms for that, in the hope of an answer to send along with it.
///
/// What comes while we ask and the broker answers is acknowledged at once. A stream of messages is acknowledged a few
/// times a millisecond: each acknowledgement lets a small packet go, and many small packets cost both sides more than
/// a few that hold many messages.
#[derive(Debug, Default)]
pub(crate) struct QuickAcks {
    /// Something was read, and nothing written since with which the system would have acknowledged it.
    owed: bool,
    /// Acknowledgements since we last wrote, or since `first` where that is longer ago than a pause.
    count: u32,
    /// When the first of them was.
    first: Option<Instant>,
}

impl QuickAcks {
    /// Something was read.
    pub(crate) fn read(&mut self) {
        self.owed = true;
    }

    /// Something was written, which acknowledges what was read.
    pub(crate) fn wrote(&mut self) {
        self.owed = false;
        self.count = 0;
    }

    /// When [`take_due`](Self::take_due) will say yes, where it says no now although something is to be acknowledged.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.first.filter(|_| self.owed).map(|first| first + PAUSE)
    }

    /// Whether to acknowledge now; if so, it counts as done.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        if !self.owed {
            return false;
        }
        if self.first.is_none_or(|first| now >= first + PAUSE) {
            self.count = 0;
        }
        match self.count {
            0 => self.first = Some(now),
            AT_ONCE.. => return false,
            _ => {}
        }
        self.count += 1;
        self.owed = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a read at `now` is acknowledged at once.
    fn read(acks: &mut QuickAcks, now: Instant) -> bool {
        acks.read();
        acks.take_due(now)
    }

    #[test]
    fn what_we_ask_for_is_acknowledged_at_once() {
        let (now, mut acks) = (Instant::now(), QuickAcks::default());
        for _ in 0..100 {
            acks.wrote();
            assert!(read(&mut acks, now) && read(&mut acks, now));
            assert_eq!(acks.next(), None);
        }
    }

    #[test]
    fn a_stream_is_acknowledged_a_few_times_a_pause_and_its_end_too() {
        let (start, mut acks) = (Instant::now(), QuickAcks::default());
        let count = (0..1000).filter(|_| read(&mut acks, start)).count();
        assert_eq!((count, acks.next()), (AT_ONCE as usize, Some(start + PAUSE)));
        assert!(acks.take_due(start + PAUSE));
        assert_eq!(acks.next(), None);
    }

    #[test]
    fn an_answer_of_ours_acknowledges() {
        let (now, mut acks) = (Instant::now(), QuickAcks::default());
        acks.read();
        acks.wrote();
        assert!(!acks.take_due(now));
        assert_eq!(acks.next(), None);
    }

    #[test]
    fn slow_messages_are_acknowledged_at_once() {
        let (start, mut acks) = (Instant::now(), QuickAcks::default());
        assert!((0..100).all(|round| read(&mut acks, start + round * PAUSE)));
    }
}
