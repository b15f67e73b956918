//! A set of packet ids.

/// Packet ids as bits, allocated with the first one.
#[derive(Debug, Default)]
pub(crate) struct PacketIds(Option<Box<[u64; 1024]>>);

impl PacketIds {
    pub(crate) fn contains(&self, id: u16) -> bool {
        let (word, bit) = place(id);
        self.0.as_ref().is_some_and(|words| words[word] & bit != 0)
    }

    pub(crate) fn insert(&mut self, id: u16) {
        let (word, bit) = place(id);
        self.0.get_or_insert_with(|| Box::new([0; 1024]))[word] |= bit;
    }

    /// Takes an id out; `false` when it was not in.
    pub(crate) fn remove(&mut self, id: u16) -> bool {
        let (word, bit) = place(id);
        let was_in = self.contains(id);
        if let Some(words) = &mut self.0 {
            words[word] &= !bit;
        }
        was_in
    }

    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

fn place(id: u16) -> (usize, u64) {
    (usize::from(id) / 64, 1 << (id % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_until_they_are_taken_out() {
        let mut ids = PacketIds::default();
        assert!(!ids.contains(1) && !ids.remove(1));
        for id in [1, 64, 65_535] {
            ids.insert(id);
        }
        assert!(ids.contains(1) && ids.contains(64) && ids.contains(65_535) && !ids.contains(2));
        assert!(ids.remove(64) && !ids.contains(64) && !ids.remove(64));
        ids.clear();
        assert!(!ids.contains(1));
    }
}
