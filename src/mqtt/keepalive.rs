//! When to ping and when to give up, for one connection: pure, the time is given.

use std::time::{Duration, Instant};

/// The keep-alive of a connection (MQTT 5, section 3.1.2.10), as patient as paho-python's: a ping after one interval of
/// silence, and the end when nothing has come for one more.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    /// Zero switches it off.
    interval: Duration,
    last_in: Instant,
    last_out: Instant,
    /// When a ping went out that nothing has answered.
    pinged: Option<Instant>,
    /// It has not been written whole.
    ping_waits: bool,
    /// The broker is not being read, so its silence means nothing; but it still wants to hear from us.
    paused: bool,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    /// The broker has been silent for two intervals.
    GiveUp,
}

impl KeepAlive {
    pub(crate) fn new(seconds: u16, now: Instant) -> Self {
        let interval = Duration::from_secs(seconds.into());
        KeepAlive { interval, last_in: now, last_out: now, pinged: None, ping_waits: false, paused: false }
    }

    /// The broker wants another interval (MQTT 5, section 3.2.2.3.14).
    pub(crate) fn set(&mut self, seconds: u16) {
        self.interval = Duration::from_secs(seconds.into());
    }

    /// Anything came in: the broker lives.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last_in = now;
        self.pinged = None;
    }

    /// The network took bytes of ours. While more wait, a ping waits among them; only when the last of them has gone can
    /// the broker begin to answer.
    pub(crate) fn said(&mut self, now: Instant, more_wait: bool) {
        self.last_out = now;
        if let Some(pinged) = self.pinged.as_mut().filter(|_| self.ping_waits || more_wait) {
            *pinged = now;
        }
        self.ping_waits = more_wait;
    }

    /// Reading stops because too much waits for the callbacks, or goes on.
    pub(crate) fn pause(&mut self, paused: bool, now: Instant) {
        if std::mem::replace(&mut self.paused, paused) && !paused {
            self.heard(now);
        }
    }

    /// How long the broker's system may acknowledge nothing before it is taken for dead, which is also noticed while the
    /// broker is not read; longer than [`due`](Self::due) ever is patient. `None` where the keep-alive is off.
    pub(crate) fn patience_of_tcp(&self) -> Option<Duration> {
        (!self.interval.is_zero()).then(|| self.interval * 3)
    }

    /// The next time at which [`due`](Self::due) has something to say.
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.interval.is_zero() {
            return None;
        }
        Some(match self.pinged {
            _ if self.paused => self.last_out + self.interval,
            Some(at) => at + self.interval,
            None => self.last_in.min(self.last_out) + self.interval,
        })
    }

    pub(crate) fn due(&mut self, now: Instant) -> Due {
        match self.next() {
            Some(at) if at <= now => {}
            _ => return Due::Nothing,
        }
        if self.pinged.is_some() && !self.paused {
            return Due::GiveUp;
        }
        self.pinged = Some(now);
        self.ping_waits = true;
        self.last_out = now;
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pings_when_idle_and_gives_up_after_two_intervals() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        assert_eq!(keepalive.next(), Some(start + 10 * SECOND));
        assert_eq!(keepalive.due(start + 9 * SECOND), Due::Nothing);
        assert_eq!(keepalive.due(start + 10 * SECOND), Due::Ping);
        assert_eq!(keepalive.due(start + 19 * SECOND), Due::Nothing);
        assert_eq!(keepalive.due(start + 20 * SECOND), Due::GiveUp);
    }

    #[test]
    fn an_answer_clears_the_ping() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        keepalive.due(start + 10 * SECOND);
        keepalive.heard(start + 11 * SECOND);
        assert_eq!(keepalive.next(), Some(start + 20 * SECOND));
    }

    #[test]
    fn a_talkative_broker_is_pinged_all_the_same() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        keepalive.heard(start + 9 * SECOND);
        assert_eq!(keepalive.due(start + 10 * SECOND), Due::Ping);
    }

    #[test]
    fn a_broker_that_never_reads_is_found_while_we_keep_talking() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        keepalive.said(start + 9 * SECOND, false);
        assert_eq!(keepalive.due(start + 10 * SECOND), Due::Ping);
        keepalive.said(start + 10 * SECOND, false);
        keepalive.said(start + 14 * SECOND, false);
        assert_eq!(keepalive.due(start + 20 * SECOND), Due::GiveUp);
    }

    #[test]
    fn while_paused_it_pings_and_does_not_give_up() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        keepalive.pause(true, start);
        for round in 1..5 {
            assert_eq!(keepalive.due(start + round * 10 * SECOND - SECOND), Due::Nothing);
            assert_eq!(keepalive.due(start + round * 10 * SECOND), Due::Ping);
        }
        keepalive.pause(false, start + 41 * SECOND);
        assert_eq!(keepalive.due(start + 49 * SECOND), Due::Nothing);
    }

    #[test]
    fn a_ping_behind_a_large_packet_is_not_held_against_the_broker() {
        let start = Instant::now();
        let mut keepalive = KeepAlive::new(10, start);
        assert_eq!(keepalive.due(start + 10 * SECOND), Due::Ping);
        keepalive.said(start + 14 * SECOND, true);
        assert_eq!(keepalive.due(start + 20 * SECOND), Due::Nothing);
        // The rest of it, and the ping.
        keepalive.said(start + 23 * SECOND, false);
        assert_eq!(keepalive.due(start + 32 * SECOND), Due::Nothing);
        assert_eq!(keepalive.due(start + 33 * SECOND), Due::GiveUp);
    }

    #[test]
    fn zero_switches_it_off() {
        assert_eq!(KeepAlive::new(0, Instant::now()).next(), None);
    }
}
