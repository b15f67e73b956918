//! What the engine does when the link calls: ids and payloads for what leaves, events for what comes.

use crate::engine::core::Core;
use crate::event::Event;
use crate::link::{Cause, Ending, Tap};
use crate::outbox::{Departure, Settled, Verdict};
use crate::types::{PacketType, Protocol, ReasonCode};
use crate::wire::{Ack, Connack};

impl Tap for Core {
    fn departing(&self, ticket: u64, engine_id: u16) -> Option<Departure> {
        self.lock().outbox.departing(ticket, engine_id)
    }

    fn departing_request(&self, engine_id: u16) -> Option<u16> {
        self.lock().outbox.departing_request(engine_id)
    }

    fn written(&self, tickets: &[u64]) {
        let mut state = self.lock();
        let done: Vec<Settled> = tickets.iter().filter_map(|&ticket| state.outbox.written(ticket)).collect();
        drop(state);
        done.into_iter().for_each(|settled| self.confirmed(settled));
    }

    fn connack(&self, connack: &Connack) -> bool {
        let mut state = self.lock();
        let Some(attempt) = state.attempt.clone().filter(|attempt| !attempt.is_cancelled()) else {
            return false;
        };
        let code = match attempt.version() {
            Protocol::V5 => ReasonCode::new(PacketType::Connack, connack.code),
            _ => ReasonCode::from_connack_v3(connack.code),
        };
        let number = attempt.number();
        let properties = connack.properties.clone();
        if connack.code != 0 {
            state.over(number);
            drop(state);
            attempt.refused(code, properties.clone());
            self.queue.push(Event::Refused { attempt: number, code, properties });
            return true;
        }
        state.outbox.connected(connack.session_present, properties.receive_maximum);
        if let Some(paho) = &state.paho {
            paho.messages_start_at(self.queue.passed());
        }
        drop(state);
        attempt.answered();
        let session_present = connack.session_present;
        self.queue.push(Event::Connected { attempt: number, session_present, code, properties });
        attempt.accepted();
        true
    }

    fn answered(&self, ack: Ack) -> Verdict {
        let (verdict, settled) = self.lock().outbox.answered(ack);
        if let Some(settled) = settled {
            self.confirmed(settled);
        }
        verdict
    }

    fn arriving(&self) {
        self.queue.arriving();
    }

    fn has_room(&self) -> bool {
        self.queue.has_room()
    }

    fn lost(&self) {
        let mut state = self.lock();
        state.outbox.disconnected();
        if let Some(number) = state.attempt.as_ref().map(|attempt| attempt.number()) {
            state.over(number);
        }
    }

    fn ended(&self, ending: Ending) {
        match ending.cause {
            Cause::Finished | Cause::Aborted => log::debug!("{}", ending.cause),
            // Without a connection it is the attempt that failed, and its error says why.
            _ if !ending.was_connected => log::debug!("{}", ending.cause),
            _ => log::warn!("{}", ending.cause),
        }
        self.queue.complete();
        let attempt = self.lock().attempt.clone();
        if let Some(attempt) = attempt {
            if ending.was_connected && attempt.was_announced() {
                self.queue.push(Event::Disconnected {
                    attempt: attempt.number(),
                    code: ReasonCode::new(PacketType::Disconnect, ending.code),
                    properties: ending.properties.clone(),
                    by_server: matches!(ending.cause, Cause::Server),
                });
            }
            attempt.ended(ending);
        }
        self.unlinked();
    }

    fn unserved(&self) {
        if self.queue.is_forgotten() {
            log::warn!(
                "callbacks are registered and events wait, but no loop has run for five seconds: \
                 call loop_start() after connect(), or end the program with loop_forever()"
            );
        }
    }
}

impl Core {
    /// A receipt is settled at once; its callback runs when the loop comes to it.
    fn confirmed(&self, settled: Settled) {
        if let Settled::Published { receipt, code, stored, topic, .. } = &settled {
            self.forget(*stored);
            receipt.settle(if code.is_failure() {
                Err(crate::types::Error::PublishRefused { topic: topic.clone(), code: *code })
            } else {
                Ok(())
            });
        }
        self.settled(settled);
    }
}
