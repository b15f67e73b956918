//! What each event means for the client, and which callback hears of it.

use std::time::Instant;

use crate::callbacks::{AnyClient, Outcome, Slot, Subject};
use crate::event::{ConnectionId, Event};
use crate::event_loop::EventLoop;
use crate::guarded::guarded;
use crate::mqtt::{Filters, Stage};
use crate::sync::lock;
use crate::types::{ConnectFlags, DisconnectFlags, Error, LogLevel, Message, Notice, Properties, ReasonCode};

impl EventLoop {
    /// Deals with one event. Needs the loop's lock. Gives the number of a message that is to be acknowledged now.
    pub(super) fn dispatch(&self, subject: Subject<'_>, event: Event) -> u64 {
        let number = self.deal_with(subject, event);
        self.queue.dealt();
        number
    }

    fn deal_with(&self, subject: Subject<'_>, event: Event) -> u64 {
        let size = event.size();
        match event {
            Event::Message(message) => {
                self.run_on_message(subject, &message);
                self.queue.handled(message.number, size);
                return message.number;
            }
            Event::Published { completion, code, properties } => {
                let mid = completion.mid();
                let about = || format!("on_publish (mid {mid})");
                self.run_callback(subject.client, &self.callbacks.publish, about, |callback| {
                    callback(subject, mid, code, &properties)
                });
                if completion.reach(Stage::CallbackDone, Ok(())) {
                    completion.notify();
                }
            }
            Event::Subscribed { mid, filters, codes, properties } => {
                lock(&self.subscriptions).answered(&filters, &codes);
                let about = || format!("on_subscribe (mid {mid})");
                self.run_callback(subject.client, &self.callbacks.subscribe, about, |callback| {
                    callback(subject, mid, &codes, &properties)
                });
            }
            Event::Unsubscribed { mid, codes, properties } => {
                let about = || format!("on_unsubscribe (mid {mid})");
                self.run_callback(subject.client, &self.callbacks.unsubscribe, about, |callback| {
                    callback(subject, mid, &codes, &properties)
                });
            }
            Event::Log { level, text } => self.log_arrived(subject.client, level, &text),
            Event::Connected { id, session_present, is_same_session, code, properties } => {
                self.connection.telling(id);
                self.settings(|settings| settings.connected_before = true);
                self.run_on_connect(subject, session_present, code, &properties);
                self.connection.told(id);
                if !is_same_session {
                    self.subscribe_again(subject.client, id);
                }
            }
            Event::Refused { id, code, properties } => {
                self.connection.telling(id);
                self.run_on_connect(subject, false, code, &properties);
                self.connection.told(id);
            }
            Event::ConnectFailed { id, error } => {
                self.connection.telling(id);
                self.connect_failed(subject, id, &error);
            }
            Event::Disconnected { id, code, properties, by_server } => {
                self.disconnected(subject, id, code, &properties, by_server);
            }
        }
        0
    }

    /// Runs the callback in `slot`, if there is one; its fault is told with the name that `about` gives.
    fn run_callback<F: ?Sized>(
        &self,
        client: &dyn AnyClient,
        slot: &Slot<F>,
        about: impl Fn() -> String,
        run: impl FnOnce(&mut F) -> Outcome,
    ) {
        let fault = slot.call(|callback| guarded(about, || run(callback)));
        self.blame(client, fault);
    }

    fn run_on_message(&self, subject: Subject<'_>, message: &Message) {
        let unacked = &self.queue.unacked;
        let is_held = message.number > 0 && unacked.is_on();
        if is_held {
            unacked.hold(message);
        }
        let was_taken = self.callbacks.run_message(subject, message, |fault| self.blame(subject.client, fault));
        // Where no callback has seen it, nobody can acknowledge it; and the callback may have left that to us.
        if is_held && !(was_taken && unacked.is_on()) {
            unacked.release(message.number);
        }
    }

    fn run_on_connect(&self, subject: Subject<'_>, session_present: bool, code: ReasonCode, properties: &Properties) {
        let flags = ConnectFlags { session_present };
        self.run_callback(
            subject.client,
            &self.callbacks.connect,
            || "on_connect".into(),
            |callback| callback(subject, flags, code, properties),
        );
    }

    /// Makes the subscriptions that the session of connection `id` lacks.
    fn subscribe_again(&self, client: &dyn AnyClient, id: ConnectionId) {
        if !self.resubscribe || self.connection.last_id() != id {
            return;
        }
        let missing = lock(&self.subscriptions).missing(id);
        for (filters, properties) in missing {
            self.say(client, LogLevel::Info, &Notice::SubscribingAgain { count: filters.len() });
            // Should the connection be gone already, the next one sees to it.
            match self.outbox.request(Filters::Subscribe(filters), properties) {
                Ok(_) => self.network.wake(),
                Err(refused) => {
                    self.say(client, LogLevel::Error, &Notice::SubscriptionGivenUp { error: refused.into() })
                }
            }
        }
    }

    /// An attempt of the loop's has failed.
    fn connect_failed(&self, subject: Subject<'_>, id: ConnectionId, error: &Error) {
        if self.connection.is_news(error) {
            self.say(subject.client, LogLevel::Warning, error);
        } else {
            let (host, port) = self.node().map(|node| (node.host.clone(), node.port)).unwrap_or_default();
            self.say(subject.client, LogLevel::Warning, &Notice::StillNoConnection { host, port });
        }
        // A refusal has had its on_connect.
        if !matches!(error, Error::Refused { .. }) {
            let about = || "on_connect_fail".into();
            self.run_callback(subject.client, &self.callbacks.connect_fail, about, |callback| callback(subject));
        }
        self.connection.told(id);
    }

    fn disconnected(
        &self,
        subject: Subject<'_>,
        id: ConnectionId,
        code: ReasonCode,
        properties: &Properties,
        by_server: bool,
    ) {
        if let Some(count) = self.connection.may_be_taken_over() {
            self.say(subject.client, LogLevel::Error, &Notice::ClosedInARow { count, client_id: self.client_id() });
        }
        if by_server && code == 142 {
            self.say(subject.client, LogLevel::Error, &Notice::SessionTakenOver { client_id: self.client_id() });
        }
        if self.connection.was_closed(id) {
            self.forget_subscriptions();
        }
        let flags = DisconnectFlags { is_disconnect_packet_from_server: by_server };
        self.run_callback(
            subject.client,
            &self.callbacks.disconnect,
            || "on_disconnect".into(),
            |callback| callback(subject, flags, code, properties),
        );
        self.connection.told_lost(id, Instant::now());
    }
}
