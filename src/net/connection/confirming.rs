//! What the loop is told, and what is confirmed: messages written, messages answered, requests answered.

use std::sync::Arc;

use super::Connection;
use crate::event::Event;
use crate::mqtt::{Completion, Filters, OutgoingMessage, Refused, RefusedItem, Request, Share, Stage};
use crate::types::{Error, LogLevel, Notice, PacketType, Properties, Qos, ReasonCode, Result};

/// A message that is done with.
pub(super) struct Settled {
    completion: Arc<Completion>,
    stage: Stage,
    error: Option<Box<Error>>,
    share: Share,
}

impl Connection {
    /// Has the loop hear of an event, when this round's are delivered. The queue counts it from now on: whoever sees that a
    /// message is confirmed sees that its callback is due.
    pub(super) fn tell(&mut self, event: Event) {
        self.queue.expect(1);
        self.events.push(event);
    }

    /// The same of what nobody can know of before [`settle`](Self::settle), which counts many at a time.
    pub(super) fn tell_soon(&mut self, event: Event) {
        self.uncounted += 1;
        self.events.push(event);
    }

    /// Hands the events of this round to the engine.
    pub(super) fn deliver(&mut self) {
        self.settle();
        if self.events.is_empty() {
            return;
        }
        match &mut self.engine {
            Some(engine) => engine.deliver(&mut self.events),
            None => self.queue.append(&mut self.events),
        }
    }

    /// Confirms the messages of QoS 0 that have been written whole.
    pub(super) fn confirm_written(&mut self) {
        let code = ReasonCode::new(PacketType::Puback, 0);
        while let Some(message) = self.out.next_written() {
            let share = message.share();
            self.confirm(message.into_completion(), share, Ok(()), code, Properties::new());
        }
    }

    /// The queue counts what the loop is about to hear of; then the outbox, and whoever waits, hear of the messages that are
    /// done with: of many at a time, but before the loop hears of the first.
    pub(super) fn settle(&mut self) {
        if self.uncounted > 0 {
            self.queue.expect(std::mem::take(&mut self.uncounted));
        }
        if self.settled.is_empty() {
            return;
        }
        self.outbox.finished(self.settled.iter().map(|settled| settled.share));
        for Settled { completion, stage, error, .. } in self.settled.drain(..) {
            // Where there is no other handle, nobody will ever ask.
            if Arc::strong_count(&completion) > 1 && completion.reach(stage, error.map_or(Ok(()), |error| Err(*error)))
            {
                self.completed.push(completion);
            }
        }
    }

    /// The exchange of a message is finished, with the broker's reason code.
    pub(super) fn published(&mut self, message: &OutgoingMessage, code: u8, properties: Properties) {
        let packet = match message.qos {
            Qos::ExactlyOnce => PacketType::Pubrec,
            _ => PacketType::Puback,
        };
        let code = ReasonCode::new(packet, code);
        let result = match code.is_failure() {
            true => Err(Error::PublishRefused { topic: Some(message.topic.to_string()), code }),
            false => Ok(()),
        };
        self.confirm(Arc::clone(&message.completion), message.share(), result, code, properties);
    }

    /// Tells the loop, and soon whoever waits, that a message is done with.
    fn confirm(
        &mut self,
        completion: Arc<Completion>,
        share: Share,
        result: Result<()>,
        code: ReasonCode,
        properties: Properties,
    ) {
        let has_callback = self.queue.has_on_publish();
        let stage = if has_callback { Stage::Confirmed } else { Stage::CallbackDone };
        if has_callback {
            self.tell_soon(Event::Published { completion: Arc::clone(&completion), code, properties });
        }
        self.settled.push(Settled { completion, stage, error: result.err().map(Box::new), share });
    }

    /// The client is going away with a message.
    pub(super) fn give_up(&mut self, message: &OutgoingMessage, error: Error) {
        if message.completion.reach(Stage::CallbackDone, Err(error)) {
            self.completed.push(Arc::clone(&message.completion));
        }
    }

    /// Something was queued before the broker's limits were known, and passes them; or the broker hangs up on it; or a message
    /// has waited for too long.
    pub(super) fn refused(&mut self, item: RefusedItem) {
        match item {
            RefusedItem::Message(message, why) => {
                let packet = if message.qos == Qos::ExactlyOnce { PacketType::Pubrec } else { PacketType::Puback };
                let code = ReasonCode::new(packet, why.code());
                let result = match &why {
                    Refused::HungUp { .. } | Refused::Expired { .. } => why.clone().into(),
                    _ => Error::PublishRefused { topic: Some(message.topic.to_string()), code },
                };
                let level = if let Refused::Expired { .. } = why { LogLevel::Info } else { LogLevel::Error };
                let notice = Notice::MessageGivenUp { topic: message.topic.to_string(), error: why.into() };
                self.notice(level, &notice);
                self.confirm(Arc::clone(&message.completion), message.share(), Err(result), code, Properties::new());
            }
            RefusedItem::Request(request, why) => {
                let codes = vec![why.code(); request.len()];
                self.notice(LogLevel::Error, &Notice::SubscriptionGivenUp { error: why.into() });
                self.answered(request, codes, Properties::new());
            }
        }
    }

    /// A request is answered.
    pub(super) fn answered(&mut self, request: Request, codes: Vec<u8>, properties: Properties) {
        let mid = request.id();
        self.tell(match request.filters {
            Filters::Subscribe(filters) => Event::Subscribed {
                mid,
                filters: filters.into_iter().map(|(filter, _)| filter).collect(),
                codes: codes.into_iter().map(|code| ReasonCode::new(PacketType::Suback, code)).collect(),
                properties,
            },
            Filters::Unsubscribe(_) => Event::Unsubscribed {
                mid,
                codes: codes.into_iter().map(|code| ReasonCode::new(PacketType::Unsuback, code)).collect(),
                properties,
            },
        });
        self.outbox.request_finished();
    }
}
