//! What the fuzz target calls.

use crate::link::guard::{Admit, Guard};
use crate::types::Protocol;
use crate::wire::{Frame, Inbound, Malformed, PublishHead};

/// Counts what is admitted.
#[derive(Debug, Default, PartialEq)]
struct Count {
    messages: usize,
    packets: usize,
    bytes: usize,
}

impl Admit for Count {
    fn message(&mut self, _: PublishHead) -> Result<bool, Malformed> {
        Ok(true)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
    }

    fn message_end(&mut self, _: PublishHead, _: bool) {
        self.messages += 1;
    }

    fn packet(&mut self, _: Inbound, _: Frame, _: &[u8]) -> Result<(), Malformed> {
        self.packets += 1;
        Ok(())
    }
}

fn feed(version: Protocol, data: &[u8], pieces: usize) -> Result<Count, Malformed> {
    let mut guard = Guard::new(version, 1 << 20);
    let mut count = Count::default();
    for piece in data.chunks(pieces.max(1)) {
        guard.feed(piece, &mut count)?;
    }
    Ok(count)
}

/// Feeds the guard `data` at once and in pieces, in both versions, and compares.
pub fn guard(data: &[u8]) {
    let Some((&pieces, data)) = data.split_first() else {
        return;
    };
    for version in [Protocol::V311, Protocol::V5] {
        let (at_once, split) = (feed(version, data, data.len()), feed(version, data, usize::from(pieces % 16)));
        assert_eq!(at_once.is_ok(), split.is_ok());
        if let (Ok(at_once), Ok(split)) = (at_once, split) {
            assert_eq!((at_once.messages, at_once.packets), (split.messages, split.packets));
        }
    }
}
