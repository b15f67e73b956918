//! What goes to the broker.

use std::time::Instant;

use super::{Connection, Ending, LINGER, Link, ROUNDS, SHORT_LINGER, Stage};

impl Connection {
    /// Has a publisher send what may be sent, in the place of the network's thread; `false` when that has to look all the
    /// same. Runs no foreign code.
    pub(crate) fn send_now(&mut self, now: Instant) -> bool {
        let is_direct = self.is_direct();
        let Some(link) = self.link.as_ref().filter(|link| is_direct && matches!(link.stage, Stage::Open)) else {
            return false;
        };
        self.listen(link.version());
        let is_done = (0..ROUNDS).any(|_| !self.send(now));
        self.deliver();
        let is_left = self.link.as_ref().is_none_or(|link| link.socket.holds_back() || link.socket.holds_bytes());
        let is_early = self.next_deadline().is_some_and(|next| self.next_look.is_none_or(|look| next < look));
        is_done && self.out.is_empty() && !is_left && !is_early && self.completed.is_empty()
    }

    /// Sends what may be sent; `true` when the socket took something.
    pub(super) fn send(&mut self, now: Instant) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        if link.is_open() {
            let before = self.out.len();
            self.session.acknowledge(self.queue.last_acknowledged(), &mut self.out);
            link.unread_answers += self.out.len() - before;
            self.session.try_suspects(now, &mut self.out);
            self.collect(now);
            self.close_when_confirmed(now);
            self.log_sent();
        }
        self.write(now)
    }

    /// Moves what may be sent from the outbox to the session.
    fn collect(&mut self, now: Instant) {
        let Some(engine) = &self.engine else {
            return;
        };
        let refused = self.outbox.send_ready(engine.collectable(), now, &mut self.session, &mut self.out);
        for item in refused {
            self.refused(item);
        }
    }

    /// Sends DISCONNECT once everything is confirmed, or time is up.
    fn close_when_confirmed(&mut self, now: Instant) {
        self.settle();
        let Some(Link { stage, .. }) = &mut self.link else {
            return;
        };
        let Stage::Closing { packet, deadline, handled } = stage else {
            return;
        };
        let confirmed = self.outbox.is_idle() && self.queue.last_handled() >= *handled;
        if !confirmed && now < *deadline {
            return;
        }
        self.out.push(packet);
        let patience = if confirmed { LINGER } else { SHORT_LINGER };
        *stage = Stage::Lingering { until: now + patience, shut_down: false };
    }

    pub(super) fn write(&mut self, now: Instant) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        let before = self.out.len();
        let wrote = match link.socket.write(&mut self.out) {
            Ok(wrote) => wrote,
            Err(error) => {
                // What the broker said before it closed, perhaps why, is still to be read.
                self.read_the_rest(now);
                self.end(Ending::Network(error));
                return true;
            }
        };
        if let Stage::Lingering { shut_down, .. } = &mut link.stage
            && self.out.is_empty()
            && !link.socket.holds_back()
            && !std::mem::replace(shut_down, true)
        {
            link.socket.shut_down();
        }
        if wrote {
            let left = self.out.len();
            link.unread_answers = link.unread_answers.saturating_sub(before - left);
            self.session.keepalive().said(now, left > 0 || link.socket.holds_back());
            self.confirm_written();
        }
        wrote
    }
}
