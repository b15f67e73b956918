//! Message ids: 1 to 65,535, in turn, those in use skipped.

/// Gives message ids as paho-python counts them: one counter for publish, subscribe and unsubscribe.
#[derive(Debug)]
pub(crate) struct Mids {
    last: u16,
    in_use: Box<[u64; 1024]>,
    taken: usize,
}

/// Every id but 0.
const ALL: usize = 65_535;

impl Mids {
    pub(crate) fn new() -> Self {
        Mids { last: 0, in_use: Box::new([0; 1024]), taken: 0 }
    }

    /// The next free id. When more messages are pending than there are ids, ids are given twice: they only
    /// name messages to the caller, the packets on the wire are told apart by the link.
    pub(crate) fn take(&mut self) -> u16 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            let (word, bit) = place(self.last);
            if self.taken >= ALL {
                return self.last;
            }
            if self.in_use[word] & bit == 0 {
                self.in_use[word] |= bit;
                self.taken += 1;
                return self.last;
            }
        }
    }

    pub(crate) fn release(&mut self, mid: u16) {
        let (word, bit) = place(mid);
        if self.in_use[word] & bit != 0 {
            self.in_use[word] &= !bit;
            self.taken -= 1;
        }
    }
}

fn place(mid: u16) -> (usize, u64) {
    (usize::from(mid) / 64, 1 << (mid % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_one_and_skips_what_is_in_use() {
        let mut mids = Mids::new();
        assert_eq!((1..=65_535u16).find(|&wanted| mids.take() != wanted), None);
        mids.release(7);
        mids.release(9);
        assert_eq!((mids.take(), mids.take()), (7, 9));
    }

    #[test]
    fn goes_on_when_all_are_in_use() {
        let mut mids = Mids::new();
        (0..65_535).for_each(|_| {
            mids.take();
        });
        assert_eq!((mids.take(), mids.take()), (1, 2));
        mids.release(1);
        assert_eq!(mids.take(), 1);
    }
}
