//! What each event means for the client, and which callback hears of it.

use std::time::Instant;

use crate::callbacks::guarded;
use crate::event::Event;
use crate::event_loop::session::{Loss, Suspicion};
use crate::event_loop::{EventLoop, Phase, chance, lock};
use crate::outbox::{Request, Settled};
use crate::types::{ConnectFlags, DisconnectFlags, Error, PacketType, Properties, Protocol, ReasonCode};

impl<C, U> EventLoop<C, U> {
    /// Deals with one event. Needs the turn.
    pub(crate) fn dispatch(&self, client: &C, event: Event) {
        match event {
            Event::Message(message) => self.callbacks.run_message(client, &self.userdata(), &message),
            Event::Settled(settled) => self.settled(client, settled),
            Event::Connected { attempt, session_present, code, properties } => {
                self.connected(client, attempt, session_present, code, &properties);
            }
            Event::Refused { attempt, code, properties } => self.refused(client, attempt, code, &properties),
            Event::ConnectFailed { attempt, error } => self.connect_failed(client, attempt, error),
            Event::Disconnected { attempt, code, properties, by_server } => {
                self.disconnected(client, attempt, code, &properties, by_server);
            }
        }
    }

    fn settled(&self, client: &C, settled: Settled) {
        let userdata = self.userdata();
        let version = lock(&self.profile).version;
        match settled {
            Settled::Published { receipt, code, properties, .. } => {
                let mid = receipt.mid();
                self.callbacks.publish.call(|callback| {
                    guarded(
                        || format!("on_publish (mid {mid})"),
                        || callback(client, &userdata, mid, code, &properties),
                    );
                });
                receipt.report();
            }
            Settled::Subscribed { mid, filters, codes, properties } => {
                lock(&self.subscriptions).answered(&filters, &codes);
                let codes: Vec<ReasonCode> = codes.into_iter().map(|code| suback_code(version, code)).collect();
                self.callbacks.subscribe.call(|callback| {
                    guarded(
                        || format!("on_subscribe (mid {mid})"),
                        || callback(client, &userdata, mid, &codes, &properties),
                    );
                });
            }
            Settled::Unsubscribed { mid, codes, properties } => {
                let codes: Vec<ReasonCode> =
                    codes.into_iter().map(|code| ReasonCode::new(PacketType::Unsuback, code)).collect();
                self.callbacks.unsubscribe.call(|callback| {
                    guarded(
                        || format!("on_unsubscribe (mid {mid})"),
                        || callback(client, &userdata, mid, &codes, &properties),
                    );
                });
            }
        }
    }

    fn run_on_connect(&self, client: &C, session_present: bool, code: ReasonCode, properties: &Properties) {
        let userdata = self.userdata();
        let flags = ConnectFlags { session_present };
        self.callbacks.connect.call(|callback| {
            guarded(|| "on_connect".into(), || callback(client, &userdata, flags, code, properties));
        });
    }

    fn connected(&self, client: &C, attempt: u64, session_present: bool, code: ReasonCode, properties: &Properties) {
        lock(&self.session).connected(attempt, Instant::now());
        lock(&self.profile).connected_before = true;
        self.run_on_connect(client, session_present, code, properties);
        self.mark(attempt);
        if session_present || !self.options().resubscribe || lock(&self.session).attempt() != attempt {
            return;
        }
        let missing = lock(&self.subscriptions).missing(attempt);
        for (filters, properties) in missing {
            log::info!("subscribing again to {} filter(s) that the broker has lost", filters.len());
            // Should the connection be gone already, the next one sees to it.
            self.engine.with_outbox(|outbox| outbox.request(|mid| Request::Subscribe { mid, filters, properties }));
        }
    }

    fn refused(&self, client: &C, attempt: u64, code: ReasonCode, properties: &Properties) {
        let error = {
            let profile = lock(&self.profile);
            Error::Refused { host: profile.host.clone(), port: profile.port, code, properties: properties.clone() }
        };
        let retry_first = self.options().retry_first;
        let mut session = lock(&self.session);
        session.failed(attempt, error.clone(), retry_first, Instant::now(), chance());
        // Otherwise the call that wanted this connection returns the error.
        if matches!(session.phase(), Phase::Due(_)) {
            log::warn!("{error}");
        }
        drop(session);
        self.run_on_connect(client, false, code, properties);
        self.mark(attempt);
    }

    fn connect_failed(&self, client: &C, attempt: u64, error: Error) {
        log::warn!("{error}");
        let retry_first = self.options().retry_first;
        lock(&self.session).failed(attempt, error, retry_first, Instant::now(), chance());
        let userdata = self.userdata();
        self.callbacks.connect_fail.call(|callback| {
            guarded(|| "on_connect_fail".into(), || callback(client, &userdata));
        });
        self.mark(attempt);
    }

    fn disconnected(&self, client: &C, attempt: u64, code: ReasonCode, properties: &Properties, by_server: bool) {
        let loss = match code.value() {
            0 if !by_server => Loss::Orderly,
            128 | 142 => Loss::Cut,
            _ => Loss::Other,
        };
        let error = Error::ConnectionLost { code };
        // The end of an earlier connection does not end the one that stands.
        let closing = {
            let session = lock(&self.session);
            session.is_closing() && session.is_current(attempt)
        };
        let suspicion = lock(&self.session).lost(attempt, error, loss, Instant::now(), chance());
        if suspicion == Suspicion::Rival || code == 142 {
            let id = lock(&self.profile).client_id.clone();
            log::error!(
                "the broker keeps ending the connection: another client probably uses the client id {id:?}; \
                 give each program its own"
            );
        }
        if closing {
            lock(&self.subscriptions).clear();
        }
        let userdata = self.userdata();
        let flags = DisconnectFlags { is_disconnect_packet_from_server: by_server };
        self.callbacks.disconnect.call(|callback| {
            guarded(|| "on_disconnect".into(), || callback(client, &userdata, flags, code, properties));
        });
        if closing {
            lock(&self.session).closed();
        }
    }

    fn mark(&self, attempt: u64) {
        let mut options = self.options();
        options.dealt_with = options.dealt_with.max(attempt);
    }
}

fn suback_code(version: Protocol, code: u8) -> ReasonCode {
    match version {
        Protocol::V5 => ReasonCode::new(PacketType::Suback, code),
        _ => ReasonCode::from_suback_v3(code),
    }
}
