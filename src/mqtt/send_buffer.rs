//! Bytes waiting to be written to the broker's socket, and the messages of QoS 0 among them.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::sync::Arc;
use std::vec;

use crate::mqtt::{Batch, Completion, Encoded, OutgoingMessage, Payload, Share, packet_log};
use crate::types::Protocol;

/// A chunk of copied bytes grows to about this size.
const CHUNK: usize = 64 * 1024;
/// Below this, packets are copied rather than have a chunk of their own.
const COPIED: usize = 8 * 1024;
/// Chunks handed to the system in one call.
const SLICES: usize = 16;

/// A queue of bytes in front of a socket.
#[derive(Debug, Default)]
pub(crate) struct SendBuffer {
    chunks: VecDeque<Chunk>,
    /// How much of the first chunk has been written.
    position: usize,
    waiting: usize,
    written: u64,
    qos0: VecDeque<Qos0>,
    /// The packets appended, as texts, where they are wanted.
    log: Option<Log>,
}

/// A message of QoS 0 on its way.
#[derive(Debug)]
pub(crate) enum Written {
    Encoded(Encoded),
    Whole(Box<OutgoingMessage>),
}

impl Written {
    pub(crate) fn share(&self) -> Share {
        match self {
            Written::Encoded(message) => message.share(),
            Written::Whole(message) => message.share(),
        }
    }

    pub(crate) fn into_completion(self) -> Arc<Completion> {
        match self {
            Written::Encoded(message) => message.completion,
            Written::Whole(message) => message.completion,
        }
    }
}

/// Messages of QoS 0, one behind the other.
#[derive(Debug)]
enum Qos0 {
    /// Those of a batch. The first has been written whole after `begin` and the bytes of its packet.
    Batch { begin: u64, messages: vec::IntoIter<Encoded> },
    /// One that ends there.
    One { end: u64, message: Box<OutgoingMessage> },
}

#[derive(Debug)]
struct Log {
    version: Protocol,
    texts: Vec<String>,
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

impl SendBuffer {
    /// Bytes not written yet.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Bytes ever appended: the end of what was appended last.
    pub(crate) fn end(&self) -> u64 {
        self.written + self.waiting as u64
    }

    /// Bytes ever written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Keeps a text of each packet appended from now on, or no more; `version` is that of the connection.
    pub(crate) fn log(&mut self, version: Option<Protocol>) {
        let texts = self.take_texts();
        self.log = version.map(|version| Log { version, texts });
    }

    /// The texts since the last call.
    pub(crate) fn take_texts(&mut self) -> Vec<String> {
        self.log.as_mut().map(|log| std::mem::take(&mut log.texts)).unwrap_or_default()
    }

    /// Appends a packet.
    pub(crate) fn build(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.build_publish(0, write);
    }

    /// Appends all of a PUBLISH that stands before its payload; `id` is its message id, which is not in it at QoS 0.
    pub(crate) fn build_publish(&mut self, id: u16, write: impl FnOnce(&mut Vec<u8>)) {
        let len = self.append(write);
        if let (Some(log), Some(Chunk::Copied(bytes))) = (&mut self.log, self.chunks.back()) {
            log.texts.extend(packet_log::sent(log.version, &bytes[bytes.len() - len..], id));
        }
    }

    /// Appends what `write` writes, and gives its length.
    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        if !matches!(self.chunks.back(), Some(Chunk::Copied(bytes)) if bytes.len() < CHUNK) {
            self.chunks.push_back(Chunk::Copied(Vec::new()));
        }
        if let Some(Chunk::Copied(bytes)) = self.chunks.back_mut() {
            let before = bytes.len();
            write(bytes);
            let len = bytes.len() - before;
            self.waiting += len;
            return len;
        }
        0
    }

    /// Appends a packet.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.build(|out| out.extend_from_slice(bytes));
    }

    /// Appends a payload, a large one without copying it.
    pub(crate) fn push_payload(&mut self, payload: &Payload) {
        match payload {
            Payload::Small(bytes) => {
                self.append(|out| out.extend_from_slice(bytes));
            }
            Payload::Shared(bytes) => {
                self.waiting += bytes.len();
                self.chunks.push_back(Chunk::Shared(Arc::clone(bytes)));
            }
        }
    }

    /// `message`, of QoS 0, ends with what was appended last.
    pub(crate) fn ends_qos0(&mut self, message: OutgoingMessage) {
        self.qos0.push_back(Qos0::One { end: self.end(), message: Box::new(message) });
    }

    /// Appends what was encoded before. A small `batch` is copied and can be filled again.
    pub(crate) fn push_batch(&mut self, batch: &mut Batch) {
        if let Some(log) = &mut self.log {
            let mut rest = &batch.bytes[..];
            for message in &batch.messages {
                let (packet, others) = rest.split_at(message.len as usize);
                log.texts.extend(packet_log::sent(log.version, packet, message.completion.mid()));
                rest = others;
            }
        }
        let messages = std::mem::take(&mut batch.messages).into_iter();
        self.qos0.push_back(Qos0::Batch { begin: self.end(), messages });
        if batch.bytes.len() < COPIED {
            self.append(|out| out.extend_from_slice(&batch.bytes));
            batch.bytes.clear();
        } else {
            self.waiting += batch.bytes.len();
            self.chunks.push_back(Chunk::Copied(std::mem::take(&mut batch.bytes)));
        }
    }

    /// Writes as much as `socket` takes; `Ok(false)` when it takes no more for now.
    pub(crate) fn write_to(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        while self.waiting > 0 {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                let skip = if count == 0 { self.position } else { 0 };
                *slice = IoSlice::new(&chunk.bytes()[skip..]);
                count += 1;
            }
            match socket.write_vectored(&slices[..count]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn advance(&mut self, mut count: usize) {
        self.waiting -= count;
        self.written += count as u64;
        loop {
            let is_last = self.chunks.len() == 1;
            let Some(chunk) = self.chunks.front_mut() else {
                return;
            };
            let left = chunk.bytes().len() - self.position;
            if count < left {
                self.position += count;
                return;
            }
            count -= left;
            self.position = 0;
            match chunk {
                // The last buffer is kept for what comes next.
                Chunk::Copied(bytes) if is_last && bytes.capacity() <= 2 * CHUNK => {
                    bytes.clear();
                    return;
                }
                _ => drop(self.chunks.pop_front()),
            }
        }
    }

    /// The next message of QoS 0 that has been written whole.
    pub(crate) fn next_written(&mut self) -> Option<Written> {
        self.next_qos0(self.written).map(|(_, message)| message)
    }

    /// The next message of QoS 0, if its packet ends within the first `limit` bytes, and where it ends.
    fn next_qos0(&mut self, limit: u64) -> Option<(u64, Written)> {
        loop {
            match self.qos0.front_mut()? {
                Qos0::One { end, .. } if *end > limit => return None,
                Qos0::One { .. } => {}
                Qos0::Batch { begin, messages } => {
                    if let Some(next) = messages.as_slice().first() {
                        let end = *begin + u64::from(next.len);
                        if end > limit {
                            return None;
                        }
                        *begin = end;
                        return messages.next().map(|message| (end, Written::Encoded(message)));
                    }
                }
            }
            if let Some(Qos0::One { end, message }) = self.qos0.pop_front() {
                return Some((end, Written::Whole(message)));
            }
        }
    }

    /// The connection is over: empties the buffer for the next one, and gives back, in order, the messages of QoS 0
    /// that were not written whole and so cannot have arrived.
    pub(crate) fn reset(&mut self) -> Vec<OutgoingMessage> {
        let log = self.log.take();
        let mut before = std::mem::replace(self, SendBuffer { log, ..SendBuffer::default() });
        let chunks = std::mem::take(&mut before.chunks);
        let mut chunks = chunks.iter().map(Chunk::bytes);
        // Where the chunk looked at ends in the stream. A packet that was encoded before lies within one chunk.
        let (mut chunk, mut chunk_end) = (&[][..], before.written - before.position as u64);
        let mut unwritten = Vec::new();
        while let Some((end, message)) = before.next_qos0(u64::MAX) {
            while chunk_end < end
                && let Some(next) = chunks.next()
            {
                (chunk, chunk_end) = (next, chunk_end + next.len() as u64);
            }
            unwritten.extend(match message {
                Written::Whole(message) => Some(*message),
                Written::Encoded(message) => {
                    let end = chunk.len() - (chunk_end - end) as usize;
                    message.decode(&chunk[..end])
                }
            });
        }
        unwritten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::PublishHeader;
    use crate::mqtt::testing::message;
    use crate::types::Qos;

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

    fn written(out: &mut SendBuffer) -> Vec<u64> {
        std::iter::from_fn(|| out.next_written()).map(|message| message.share().sequence).collect()
    }

    #[test]
    fn a_message_is_written_when_its_last_byte_is() {
        let mut out = SendBuffer::default();
        let large = Payload::from(vec![7; CHUNK]);
        out.push(b"abcd");
        out.ends_qos0(message(1, Qos::AtMostOnce));
        out.push_payload(&large);
        out.ends_qos0(message(2, Qos::AtMostOnce));
        let mut socket = Slow { taken: Vec::new(), room: 4 + CHUNK - 1 };
        assert!(!out.write_to(&mut socket).expect("no error"));
        assert_eq!((written(&mut out), out.len()), (vec![1], 1));
        socket.room = 1;
        assert!(out.write_to(&mut socket).expect("no error"));
        assert_eq!((written(&mut out), out.is_empty()), (vec![2], true));
        assert_eq!(socket.taken.len(), 4 + CHUNK);
    }

    #[test]
    fn a_large_payload_behind_an_emptied_buffer_is_written_once() {
        let (mut out, mut taken) = (SendBuffer::default(), Vec::new());
        for _ in 0..3 {
            out.push(b"head");
            assert!(out.write_to(&mut taken).expect("a Vec takes all"));
            out.push_payload(&Payload::from(vec![7; CHUNK]));
            assert!(out.write_to(&mut taken).expect("a Vec takes all"));
        }
        assert_eq!((taken.len(), out.len()), (3 * (4 + CHUNK), 0));
    }

    #[test]
    fn what_was_not_written_whole_comes_back() {
        let mut out = SendBuffer::default();
        for sequence in 1..=3 {
            out.push(b"abcd");
            out.ends_qos0(message(sequence, Qos::AtMostOnce));
        }
        let mut socket = Slow { taken: Vec::new(), room: 6 };
        assert!(!out.write_to(&mut socket).expect("no error"));
        assert_eq!(written(&mut out), [1]);
        let back: Vec<u64> = out.reset().iter().map(|message| message.sequence).collect();
        assert_eq!((back, out.len(), out.end()), (vec![2, 3], 0, 0));
    }

    #[test]
    fn what_was_encoded_before_comes_back_unless_it_was_written_whole() {
        let batch = |sequences: std::ops::RangeInclusive<u64>, payload: &[u8]| {
            let mut batch = Batch::default();
            for sequence in sequences {
                let message = message(sequence, Qos::AtMostOnce);
                let header = PublishHeader { payload_len: payload.len(), ..PublishHeader::of(&message, false) };
                batch.push(&header, payload, Protocol::V5, sequence, Arc::clone(&message.completion));
            }
            batch
        };
        // The packet of each has 7 bytes, or fills a chunk of its own.
        let (mut out, large) = (SendBuffer::default(), vec![7; CHUNK]);
        out.push(b"abcd");
        out.push_batch(&mut batch(1..=2, b"p"));
        out.ends_qos0(message(3, Qos::AtMostOnce));
        out.push_batch(&mut batch(4..=4, &large));
        out.push_batch(&mut batch(5..=5, b"p"));
        let mut socket = Slow { taken: Vec::new(), room: 4 + 7 + 3 };
        assert!(!out.write_to(&mut socket).expect("no error"));
        assert_eq!(written(&mut out), [1]);
        let back = out.reset();
        let seen: Vec<_> = back.iter().map(|it| (it.sequence, &it.topic[..], it.payload.len())).collect();
        assert_eq!(seen, [(2, "t", 1), (3, "t", 1), (4, "t", CHUNK), (5, "t", 1)]);
    }
}
