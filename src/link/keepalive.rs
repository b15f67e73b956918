//! When to ping and when to give up, for one connection: pure, the time is given.

use std::time::{Duration, Instant};

/// The keep-alive of a connection (MQTT 5, section 3.1.2.10).
#[derive(Debug)]
pub(crate) struct KeepAlive {
    /// Zero switches it off.
    interval: Duration,
    last_in: Instant,
    last_out: Instant,
    /// When a ping went out that nothing has answered.
    pinged: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    /// The other side has been silent for one and a half intervals.
    GiveUp,
}

impl KeepAlive {
    pub(crate) fn new(seconds: u16, now: Instant) -> Self {
        KeepAlive { interval: Duration::from_secs(seconds.into()), last_in: now, last_out: now, pinged: None }
    }

    pub(crate) fn set(&mut self, seconds: u16) {
        self.interval = Duration::from_secs(seconds.into());
    }

    /// Anything came in: the other side lives.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last_in = now;
        self.pinged = None;
    }

    pub(crate) fn said(&mut self, now: Instant) {
        self.last_out = now;
    }

    /// A large packet is on its way and moves: a ping waits behind it, and its answer cannot have come.
    pub(crate) fn sending(&mut self, now: Instant) {
        if let Some(pinged) = &mut self.pinged {
            *pinged = now;
        }
    }

    /// The next time at which [`KeepAlive::due`] has something to say. `deaf`: the other side is not being read, so
    /// its silence means nothing, but it still wants to hear from us.
    pub(crate) fn next(&self, deaf: bool) -> Option<Instant> {
        if self.interval.is_zero() {
            return None;
        }
        Some(match self.pinged {
            _ if deaf => self.last_out + self.interval,
            Some(at) => self.deadline(at),
            None => self.last_in.min(self.last_out) + self.interval,
        })
    }

    fn deadline(&self, pinged: Instant) -> Instant {
        (self.last_in + self.interval * 3 / 2).max(pinged + self.interval / 2)
    }

    pub(crate) fn due(&mut self, now: Instant, deaf: bool) -> Due {
        match self.next(deaf) {
            Some(at) if at <= now => {}
            _ => return Due::Nothing,
        }
        if self.pinged.is_some() && !deaf {
            return Due::GiveUp;
        }
        self.pinged = Some(now);
        self.last_out = now;
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pings_when_idle_and_gives_up_after_one_and_a_half_intervals() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        assert_eq!(keepalive.next(false), Some(start + 10 * SECOND));
        assert_eq!(keepalive.due(start + 9 * SECOND, false), Due::Nothing);
        assert_eq!(keepalive.due(start + 10 * SECOND, false), Due::Ping);
        assert_eq!(keepalive.due(start + 14 * SECOND, false), Due::Nothing);
        assert_eq!(keepalive.due(start + 15 * SECOND, false), Due::GiveUp);
    }

    #[test]
    fn an_answer_clears_the_ping() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        keepalive.due(start + 10 * SECOND, false);
        keepalive.heard(start + 11 * SECOND);
        assert_eq!(keepalive.next(false), Some(start + 20 * SECOND));
    }

    #[test]
    fn a_deaf_broker_is_found_while_we_keep_talking() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        keepalive.said(start + 9 * SECOND);
        assert_eq!(keepalive.due(start + 10 * SECOND, false), Due::Ping);
        keepalive.said(start + 14 * SECOND);
        assert_eq!(keepalive.due(start + 15 * SECOND, false), Due::GiveUp);
    }

    #[test]
    fn while_deaf_it_pings_and_does_not_give_up() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        for round in 1..5 {
            assert_eq!(keepalive.due(start + round * 10 * SECOND - SECOND, true), Due::Nothing);
            assert_eq!(keepalive.due(start + round * 10 * SECOND, true), Due::Ping);
        }
        keepalive.heard(start + 41 * SECOND);
        assert_eq!(keepalive.due(start + 49 * SECOND, false), Due::Nothing);
    }

    #[test]
    fn a_ping_behind_a_large_packet_is_not_held_against_the_broker() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        assert_eq!(keepalive.due(start + 10 * SECOND, false), Due::Ping);
        keepalive.sending(start + 14 * SECOND);
        assert_eq!(keepalive.due(start + 15 * SECOND, false), Due::Nothing);
        assert_eq!(keepalive.due(start + 19 * SECOND, false), Due::GiveUp);
    }

    #[test]
    fn zero_switches_it_off() {
        assert_eq!(KeepAlive::new(0, Instant::now()).next(false), None);
    }
}
