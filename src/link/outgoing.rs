//! Bytes waiting to be written to one socket, and which messages they complete.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

/// Payloads from this size on are not copied into the buffer.
const SHARED_FROM: usize = 8 * 1024;
/// A chunk of copied bytes grows to about this size.
const CHUNK: usize = 64 * 1024;

/// A queue of bytes in front of a socket.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    chunks: VecDeque<Chunk>,
    /// How much of the first chunk has been written.
    position: usize,
    waiting: usize,
    appended: u64,
    written: u64,
    /// Messages that are complete once so many bytes have been written.
    marks: VecDeque<(u64, u64)>,
}

#[derive(Debug)]
enum Chunk {
    Copied(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Copied(bytes) => bytes,
            Chunk::Shared(bytes) => bytes,
        }
    }
}

impl Outgoing {
    /// Bytes not written yet.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Appends what `write` writes.
    pub(crate) fn build(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.chunks.back(), Some(Chunk::Copied(bytes)) if bytes.len() < CHUNK) {
            self.chunks.push_back(Chunk::Copied(Vec::new()));
        }
        if let Some(Chunk::Copied(bytes)) = self.chunks.back_mut() {
            let before = bytes.len();
            write(bytes);
            self.waiting += bytes.len() - before;
            self.appended += (bytes.len() - before) as u64;
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.build(|out| out.extend_from_slice(bytes));
    }

    /// Appends a payload, without copying a large one.
    pub(crate) fn push_shared(&mut self, payload: &Arc<Vec<u8>>) {
        if payload.len() < SHARED_FROM {
            return self.push(payload);
        }
        self.waiting += payload.len();
        self.appended += payload.len() as u64;
        self.chunks.push_back(Chunk::Shared(Arc::clone(payload)));
    }

    /// Marks everything appended so far as the end of message `ticket`.
    pub(crate) fn mark(&mut self, ticket: u64) {
        self.marks.push_back((self.appended, ticket));
    }

    /// Writes as much as `socket` takes; `Ok(false)` when it takes no more for now.
    pub(crate) fn write_to(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        while let Some(chunk) = self.chunks.front_mut() {
            let rest = &chunk.bytes()[self.position..];
            if rest.is_empty() {
                self.position = 0;
                match chunk {
                    // The last buffer is kept for what comes next.
                    Chunk::Copied(bytes) if self.waiting == 0 && bytes.capacity() <= 2 * CHUNK => {
                        bytes.clear();
                        return Ok(true);
                    }
                    _ => {
                        self.chunks.pop_front();
                        continue;
                    }
                }
            }
            match socket.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.position += count;
                    self.waiting -= count;
                    self.written += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Moves the tickets of messages that are written whole into `done`.
    pub(crate) fn take_written(&mut self, done: &mut Vec<u64>) {
        while let Some(&(end, ticket)) = self.marks.front() {
            if end > self.written {
                return;
            }
            done.push(ticket);
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that takes a few bytes at a time and then none.
    struct Slow {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(3).min(self.room);
            if count == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn marks_are_reached_when_the_last_byte_is_written() {
        let mut out = Outgoing::default();
        let large = Arc::new(vec![7; SHARED_FROM]);
        out.push(b"abcd");
        out.mark(1);
        out.push_shared(&large);
        out.mark(2);
        let (mut done, mut socket) = (Vec::new(), Slow { taken: Vec::new(), room: 4 + SHARED_FROM - 1 });
        assert!(!out.write_to(&mut socket).expect("no error"));
        out.take_written(&mut done);
        assert_eq!((done.as_slice(), out.len()), (&[1][..], 1));
        socket.room = 1;
        assert!(out.write_to(&mut socket).expect("no error"));
        out.take_written(&mut done);
        assert_eq!((done.as_slice(), out.is_empty()), (&[1, 2][..], true));
        assert_eq!(socket.taken.len(), 4 + SHARED_FROM);
    }
}
