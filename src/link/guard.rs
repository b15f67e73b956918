//! Lets packets of a broker pass to the engine only when they are well-formed.
//!
//! The engine aborts or corrupts memory on some malformed packets. Whatever passes here has sound lengths,
//! text without NUL, a known type and a size within the limit; a message's payload passes as it comes.

use crate::link::held::Held;
use crate::types::Protocol;
use crate::wire::{Frame, Inbound, Malformed, PublishHead, frame, inbound, kind, publish_head};

/// Everything but a message's payload must fit in here.
const MAX_BUFFERED: usize = 1024 * 1024;

/// Takes a broker's bytes apart.
#[derive(Debug)]
pub(crate) struct Guard {
    version: Protocol,
    max_packet: usize,
    /// The beginning of a packet whose rest has not come.
    held: Held,
    /// The message whose payload is passing.
    passing: Option<Passing>,
}

#[derive(Debug)]
struct Passing {
    head: PublishHead,
    left: usize,
    kept: bool,
}

/// Where a guard's findings go, in the order of the wire.
pub(crate) trait Admit {
    /// A message begins; `false` passes it over.
    fn message(&mut self, head: PublishHead) -> Result<bool, Malformed>;
    /// Bytes of a message that passes.
    fn bytes(&mut self, bytes: &[u8]);
    /// A message is complete.
    fn message_end(&mut self, head: PublishHead, kept: bool);
    /// A packet other than a message. `frame` tells where its body begins in `raw`.
    fn packet(&mut self, packet: Inbound, frame: Frame, raw: &[u8]) -> Result<(), Malformed>;
}

impl Guard {
    pub(crate) fn new(version: Protocol, max_packet: usize) -> Self {
        Guard { version, max_packet, held: Held::default(), passing: None }
    }

    /// Whether the beginning of a message has passed, and its end has not.
    pub(crate) fn is_passing(&self) -> bool {
        self.passing.is_some()
    }

    /// Takes in `data` as it came from the broker.
    pub(crate) fn feed(&mut self, data: &[u8], to: &mut impl Admit) -> Result<(), Malformed> {
        let mut held = std::mem::take(&mut self.held);
        held.feed(data, |bytes| self.take(bytes, to))?;
        self.held = held;
        if self.held.len() > MAX_BUFFERED {
            return Err(Malformed("the head of a packet is larger than a megabyte"));
        }
        Ok(())
    }

    /// Works through whole packets and passing payloads; gives how many bytes were used up.
    fn take(&mut self, data: &[u8], to: &mut impl Admit) -> Result<usize, Malformed> {
        let mut used = 0;
        loop {
            let rest = &data[used..];
            if let Some(passing) = &mut self.passing {
                let count = passing.left.min(rest.len());
                if passing.kept {
                    to.bytes(&rest[..count]);
                }
                passing.left -= count;
                used += count;
                if passing.left > 0 {
                    return Ok(used);
                }
                to.message_end(passing.head, passing.kept);
                self.passing = None;
                continue;
            }
            let Some(frame) = frame(rest)? else {
                return Ok(used);
            };
            if frame.len() > self.max_packet {
                return Err(Malformed("a packet is larger than the client accepts"));
            }
            used += if frame.kind() == kind::PUBLISH {
                match publish_head(self.version, frame, rest)? {
                    Some(head) => self.begin(frame, head, rest, to)?,
                    None => return Ok(used),
                }
            } else {
                if frame.body > MAX_BUFFERED {
                    return Err(Malformed("a packet without payload is larger than a megabyte"));
                }
                let Some(raw) = rest.get(..frame.len()) else {
                    return Ok(used);
                };
                let packet = inbound(self.version, frame, &raw[frame.header..])?;
                to.packet(packet, frame, raw)?;
                frame.len()
            };
        }
    }

    /// Starts to pass a message; gives how many bytes of it were used up.
    fn begin(&mut self, frame: Frame, head: PublishHead, rest: &[u8], to: &mut impl Admit) -> Result<usize, Malformed> {
        let kept = to.message(head)?;
        let here = frame.len().min(rest.len());
        if kept {
            to.bytes(&rest[..here]);
        }
        if here == frame.len() {
            to.message_end(head, kept);
        } else {
            self.passing = Some(Passing { head, left: frame.len() - here, kept });
        }
        Ok(here)
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
