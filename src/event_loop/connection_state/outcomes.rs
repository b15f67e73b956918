//! What the network says of attempts and connections, and what follows from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{AfterLoss, AskedBy, ConnectionCell, ConnectionState, Failure, Inner};
use crate::event::ConnectionId;
use crate::event_loop::random;
use crate::mqtt::{Connack, ConnectPacket};
use crate::net::Watch;
use crate::sync::wait;
use crate::types::{Error, Protocol, ReasonCode};

/// A connection that lasted less than this and was cut by the broker may have been taken over by another client.
const SHORT: Duration = Duration::from_secs(10);

/// Refusals that send a client elsewhere: Server unavailable, Use another server, Server moved (MQTT 5, section 3.2.2.2).
const ELSEWHERE: [u8; 3] = [136, 156, 157];

impl Inner {
    /// Attempt `id` has failed; `true` when the loop is to tell the program.
    pub(super) fn failed(&mut self, id: ConnectionId, error: &Error, now: Instant) -> bool {
        let ConnectionState::Connecting { id: current, asked_by, .. } = self.state else {
            return false;
        };
        if current != id {
            return false;
        }
        self.short_connections = 0;
        self.failure = Some(Failure { id, error: error.clone(), next: None });
        if self.conceded.take() == Some(id) {
            self.go_on(asked_by, now);
            return false;
        }
        self.last_error = Some(error.clone());
        if asked_by == AskedBy::Loop {
            self.owe(id);
        }
        if self.next_broker(error) {
            self.go_on(asked_by, now);
            return asked_by == AskedBy::Loop;
        }
        let again = match asked_by {
            AskedBy::Program { loop_goes_on } => {
                self.had_connection |= loop_goes_on;
                loop_goes_on && self.retries
            }
            AskedBy::Loop if self.had_connection => self.retries,
            AskedBy::Loop => self.retry_first,
        };
        self.state = match again {
            true => ConnectionState::Waiting { until: self.after_delay(now) },
            false => ConnectionState::Idle { outcome: Some(Err(error.clone())) },
        };
        asked_by == AskedBy::Loop
    }

    /// The loop will tell the outcome of attempt `id`.
    fn owe(&mut self, id: ConnectionId) {
        if let Some(node) = self.brokers.current() {
            self.untold.push_back((id, Arc::clone(node)));
        }
    }

    /// Goes to the broker that is next after a failure; `true` when it is to be asked at once.
    fn next_broker(&mut self, error: &Error) -> bool {
        match error {
            Error::Cancelled | Error::Engine { .. } | Error::EngineNotCompiled => false,
            Error::Refused { code, .. } if !ELSEWHERE.contains(&code.value()) => {
                // The others would say the same, now.
                self.brokers.go_on();
                self.brokers.begin_round();
                false
            }
            _ => self.brokers.go_on(),
        }
    }

    /// Goes to the broker that is next after a loss; `true` when it is to be asked soon. One that has served for a while and
    /// whose connection broke may be well, and has the session: it is asked first.
    fn broker_after_loss(&mut self, lasted: bool, broke: bool) -> bool {
        if lasted {
            self.brokers.begin_round();
        }
        let is_left = (lasted && broke) || self.brokers.go_on();
        is_left && self.brokers.len() > 1
    }

    /// Another attempt follows the one that has failed, at once.
    fn go_on(&mut self, asked_by: AskedBy, now: Instant) {
        if asked_by == AskedBy::Loop {
            self.state = ConnectionState::Waiting { until: now };
            return;
        }
        let next = self.connecting(asked_by);
        if let Some(failure) = &mut self.failure {
            failure.next = Some(next);
        }
    }

    /// Whether attempt `id` is under way.
    fn is_trying(&self, id: ConnectionId) -> bool {
        matches!(self.state, ConnectionState::Connecting { id: current, .. } if current == id)
    }

    /// What paho-python does when a broker of long ago refuses: it speaks an older MQTT, or makes up a client id. `false`
    /// where nothing can be done.
    fn concede(&mut self, packet: &ConnectPacket, code: ReasonCode) -> bool {
        if !self.retries || packet.version != Protocol::V311 {
            return false;
        }
        match code.value() {
            132 => {
                log::debug!("the broker refuses {}: it is asked again in {}", packet.version, Protocol::V31);
                self.stepped_down = true;
            }
            133 if packet.client_id.is_empty() => {
                log::debug!("the broker refuses an empty client id: it is asked again with a random one");
            }
            _ => return false,
        }
        // MQTT 3.1 has no empty client id.
        if packet.client_id.is_empty() {
            self.assigned_client_id = Some(random::client_id());
        }
        true
    }
}

impl Watch for ConnectionCell {
    fn is_wanted(&self, id: ConnectionId) -> bool {
        self.lock().is_trying(id)
    }

    fn wait_for_end(&self, id: ConnectionId, until: Instant) {
        let mut inner = self.lock();
        while inner.is_trying(id) && Instant::now() < until {
            inner = wait(&self.changed, inner, Some(until));
        }
    }

    fn accepted(&self, id: ConnectionId, connack: &Connack, tell: &mut dyn FnMut()) -> bool {
        self.change(|inner| {
            if !inner.is_trying(id) {
                return false;
            }
            inner.owe(id);
            tell();
            inner.state = ConnectionState::Connected { id, since: Instant::now() };
            inner.accepted = id;
            inner.connections += 1;
            inner.backoff.reset();
            inner.explained.clear();
            inner.had_connection = true;
            if let Some(assigned) = &connack.properties.assigned_client_identifier {
                inner.assigned_client_id = Some(assigned.clone());
            }
            true
        })
    }

    fn refused(&self, id: ConnectionId, packet: &ConnectPacket, code: ReasonCode) -> bool {
        let mut inner = self.lock();
        if !inner.is_trying(id) {
            return false;
        }
        if inner.concede(packet, code) {
            inner.conceded = Some(id);
            return false;
        }
        inner.owe(id);
        true
    }

    fn failed(&self, id: ConnectionId, error: &Error) -> bool {
        self.change(|inner| inner.failed(id, error, Instant::now()))
    }

    fn lost(&self, id: ConnectionId, error: Error, suspected: bool) {
        self.change(|inner| {
            let next = match inner.state {
                ConnectionState::Connected { id: current, since } if current == id => {
                    // A broker that is stopped lets attempts fail in between; another client with the id does not.
                    let cut = matches!(&error, Error::ConnectionLost { code } if *code == 128);
                    inner.last_error = Some(error.clone());
                    let lasted = since.elapsed() >= SHORT;
                    inner.short_connections =
                        if cut && !suspected && !lasted { inner.short_connections + 1 } else { 0 };
                    match inner.retries {
                        true => AfterLoss::Retry { soon: inner.broker_after_loss(lasted, cut) },
                        false => AfterLoss::End(Err(error)),
                    }
                }
                ConnectionState::Closing { id: current } if current == id => AfterLoss::End(Ok(())),
                _ => return,
            };
            inner.state = ConnectionState::Lost { id, next };
        });
    }
}
