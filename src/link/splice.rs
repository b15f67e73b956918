//! Completes what the engine writes: credentials, packet ids and payloads.

use crate::link::held::Held;
use crate::link::outgoing::Outgoing;
use crate::link::{Settings, Tap};
use crate::types::{Protocol, Qos};
use crate::wire::{Malformed, Outbound, PINGRESP, PublishParts, frame, kind, outbound, short_ack};

/// Takes the engine's bytes apart into packets.
#[derive(Debug)]
pub(crate) struct Splice {
    version: Protocol,
    /// The beginning of a packet whose rest has not come.
    held: Held,
}

/// The two directions that the engine's packets reach.
pub(crate) struct Ways<'a> {
    pub(crate) to_broker: &'a mut Outgoing,
    /// Kept aside until the engine can take it.
    pub(crate) to_engine: &'a mut Vec<u8>,
}

impl Splice {
    pub(crate) fn new(version: Protocol) -> Self {
        Splice { version, held: Held::default() }
    }

    /// Takes in `data` as it came from the engine.
    pub(crate) fn feed(
        &mut self,
        data: &[u8],
        settings: &Settings,
        tap: &dyn Tap,
        ways: &mut Ways<'_>,
    ) -> Result<(), Malformed> {
        let mut held = std::mem::take(&mut self.held);
        held.feed(data, |bytes| self.take(bytes, settings, tap, ways))?;
        self.held = held;
        Ok(())
    }

    fn take(&self, data: &[u8], settings: &Settings, tap: &dyn Tap, ways: &mut Ways<'_>) -> Result<usize, Malformed> {
        let mut used = 0;
        while let Some(frame) = frame(&data[used..])? {
            let Some(raw) = data[used..].get(..frame.len()) else {
                break;
            };
            used += raw.len();
            let body = &raw[frame.header..];
            match outbound(self.version, frame, body)? {
                Outbound::Connect { body } => ways.to_broker.push(&settings.opening.complete(self.version, body)?),
                Outbound::Publish(parts) => publish(&parts, frame.first, tap, ways),
                Outbound::Request { id } => {
                    if let Some(id) = tap.departing_request(id) {
                        ways.to_broker.push(&raw[..frame.header]);
                        ways.to_broker.push(&id.to_be_bytes());
                        ways.to_broker.push(&body[2..]);
                    }
                }
                Outbound::Pingreq => ways.to_engine.extend_from_slice(&PINGRESP),
                // The link answers and releases by itself, and ends connections itself.
                Outbound::Answer | Outbound::Disconnect => {}
            }
        }
        Ok(used)
    }
}

fn publish(parts: &PublishParts<'_>, first: u8, tap: &dyn Tap, ways: &mut Ways<'_>) {
    let Some(departure) = tap.departing(parts.ticket, parts.id) else {
        return;
    };
    let Some(payload) = departure.payload else {
        ways.to_engine.extend_from_slice(&short_ack(kind::PUBREC, parts.id));
        ways.to_broker.push(&short_ack(kind::PUBREL, departure.id));
        return;
    };
    ways.to_broker.build(|out| parts.complete(out, departure.id, departure.dup, payload.len()));
    ways.to_broker.push_shared(&payload);
    if first >> 1 & 3 == Qos::AtMostOnce.value() {
        ways.to_broker.mark(parts.ticket);
    }
}
