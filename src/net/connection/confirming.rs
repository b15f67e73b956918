//! What is confirmed: messages written, messages answered, requests answered.

use std::sync::Arc;

use super::Connection;
use crate::event::Event;
use crate::mqtt::{Filters, OutgoingMessage, Refused, RefusedItem, Request, Stage};
use crate::types::{Error, LogLevel, Notice, PacketType, Properties, Qos, ReasonCode, Result};

impl Connection {
    /// Confirms the messages of QoS 0 that have been written whole.
    pub(super) fn confirm_written(&mut self) {
        while let Some(message) = self.out.next_written() {
            self.published(&message, 0, Properties::new());
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
            true => Err(Error::PublishRefused { topic: Some(message.topic.clone()), code }),
            false => Ok(()),
        };
        self.confirm(message, result, code, properties);
        self.outbox.finished([message]);
    }

    /// Tells whoever waits, and the loop, that a message is done with.
    fn confirm(&mut self, message: &OutgoingMessage, result: Result<()>, code: ReasonCode, properties: Properties) {
        let completion = &message.completion;
        let has_callback = self.queue.has_on_publish();
        let stage = if has_callback { Stage::Confirmed } else { Stage::CallbackDone };
        if completion.reach(stage, result) {
            self.completed.push(Arc::clone(completion));
        }
        if has_callback {
            self.tell(Event::Published { completion: Arc::clone(completion), code, properties });
        }
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
                    _ => Error::PublishRefused { topic: Some(message.topic.clone()), code },
                };
                let level = if let Refused::Expired { .. } = why { LogLevel::Info } else { LogLevel::Error };
                let notice = Notice::MessageGivenUp { topic: message.topic.clone(), error: why.into() };
                self.notice(level, &notice);
                self.confirm(&message, Err(result), code, Properties::new());
                self.outbox.finished([&message]);
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
