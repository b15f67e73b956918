//! Where the client stands: connected, waiting to try again, or done. Pure: the time and the chance are given.

use std::time::{Duration, Instant};

use crate::event_loop::backoff::Backoff;
use crate::types::{Error, later};

/// A connection that lasted less than this and was cut by the broker looks like a rival with the same client id.
const SHORT: Duration = Duration::from_secs(10);
/// So many short connections in a row are explained to the user.
const KICKS: u32 = 3;

/// What the client is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No connection is wanted.
    Idle,
    /// A connection is wanted at this time.
    Due(Instant),
    /// Attempt number .. is under way or stands.
    Attempt(u64),
}

/// An orderly end that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    /// When to stop waiting for confirmations.
    pub(crate) deadline: Instant,
    /// The DISCONNECT packet.
    pub(crate) packet: Vec<u8>,
    /// It has been handed to the link.
    pub(crate) sent: bool,
    /// No loop runs: what is due for the callbacks is run first, and may still publish.
    pub(crate) after_callbacks: bool,
}

/// The state of a client's connection as its loop knows it.
#[derive(Debug)]
pub(crate) struct Session {
    phase: Phase,
    attempts: u64,
    /// The attempt that the program itself waits for: its failure is the program's, not the loop's.
    awaited: Option<u64>,
    backoff: Backoff,
    retries: bool,
    connected_since: Option<Instant>,
    /// A connection has stood since the program asked for one.
    had_connection: bool,
    /// The program has called `connect` or `reconnect` from a callback of a connection that stood or was lost.
    kept_going: bool,
    short_connections: u32,
    closing: Option<Closing>,
    /// Why `loop_forever` ends.
    end: Option<Result<(), Error>>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// We ended it.
    Orderly,
    /// The broker cut it without a reason of its own, as it does when another client takes the id.
    Cut,
    /// Anything else.
    Other,
}

/// What a lost connection tells about its neighbours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Suspicion {
    None,
    /// Short connections follow each other: another client probably has the same id.
    Rival,
}

impl Session {
    pub(crate) fn new(min: Duration, max: Duration, retries: bool) -> Self {
        Session {
            phase: Phase::Idle,
            attempts: 0,
            awaited: None,
            backoff: Backoff::new(min, max),
            retries,
            connected_since: None,
            had_connection: false,
            kept_going: false,
            short_connections: 0,
            closing: None,
            end: None,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn delays_set(&mut self, min: Duration, max: Duration) {
        self.backoff = Backoff::new(min, max);
    }

    /// The program wants a connection, to be made by the loop at `now`.
    pub(crate) fn want(&mut self, now: Instant) {
        self.phase = Phase::Due(now);
        self.forget();
    }

    /// An attempt begins; gives its number.
    pub(crate) fn begin(&mut self) -> u64 {
        self.attempts += 1;
        self.phase = Phase::Attempt(self.attempts);
        self.attempts
    }

    /// The program asks for a connection itself, now; gives the attempt's number. Inside a callback, the loop that
    /// keeps a connection going is not relieved of it.
    pub(crate) fn begin_anew(&mut self, inside_callback: bool) -> u64 {
        let kept_going = inside_callback && self.had_connection;
        self.forget();
        self.kept_going = kept_going;
        let number = self.begin();
        self.awaited = Some(number);
        number
    }

    fn forget(&mut self) {
        self.closing = None;
        self.end = None;
        self.had_connection = false;
        self.kept_going = false;
        self.backoff.reset();
    }

    /// The number of the attempt that is under way or stands, or of the last one.
    pub(crate) fn attempt(&self) -> u64 {
        self.attempts
    }

    pub(crate) fn is_current(&self, attempt: u64) -> bool {
        self.phase == Phase::Attempt(attempt)
    }

    pub(crate) fn connected(&mut self, attempt: u64, now: Instant) {
        if self.is_current(attempt) {
            self.backoff.reset();
            self.connected_since = Some(now);
            self.had_connection = true;
            self.awaited = None;
        }
    }

    /// An attempt that the loop made has failed. Without `retry_first`, the first failure ends the loop.
    pub(crate) fn failed(&mut self, attempt: u64, error: Error, retry_first: bool, now: Instant, chance: f64) {
        if !self.is_current(attempt) || self.awaited == Some(attempt) {
            return;
        }
        if self.closing.is_some() {
            self.phase = Phase::Idle;
            self.end = Some(Ok(()));
        } else if (self.had_connection && self.retries) || (!self.had_connection && retry_first) {
            self.phase = Phase::Due(later(now, self.backoff.delay(chance)));
        } else {
            self.phase = Phase::Idle;
            self.end = Some(Err(error));
        }
    }

    /// An attempt that the program waited for has failed: it is for the program to try again, or for the loop that
    /// was keeping a connection going.
    pub(crate) fn gave_up(&mut self, attempt: u64, error: Error, now: Instant, chance: f64) {
        if !self.is_current(attempt) {
            return;
        }
        self.awaited = None;
        if self.kept_going && self.retries {
            self.had_connection = true;
            self.phase = Phase::Due(later(now, self.backoff.delay(chance)));
        } else {
            self.phase = Phase::Idle;
            self.end = Some(Err(error));
        }
    }

    /// A connection that stood is gone. `error` says why to the program, `loss` to the session.
    pub(crate) fn lost(&mut self, attempt: u64, error: Error, loss: Loss, now: Instant, chance: f64) -> Suspicion {
        if !self.is_current(attempt) {
            return Suspicion::None;
        }
        let short = self.connected_since.take().is_some_and(|since| now.saturating_duration_since(since) < SHORT);
        self.short_connections = if short && loss == Loss::Cut { self.short_connections + 1 } else { 0 };
        if loss == Loss::Orderly || self.closing.is_some() {
            self.phase = Phase::Idle;
            self.end = Some(Ok(()));
        } else if self.retries {
            self.phase = Phase::Due(later(now, self.backoff.delay(chance)));
        } else {
            self.phase = Phase::Idle;
            self.end = Some(Err(error));
        }
        if self.short_connections > 0 && self.short_connections.is_multiple_of(KICKS) {
            Suspicion::Rival
        } else {
            Suspicion::None
        }
    }

    /// An orderly end is wanted. Without a connection, there is nothing more to do than not to make one.
    pub(crate) fn close(&mut self, closing: Closing, connected: bool) {
        if connected {
            self.closing = Some(closing);
        } else {
            self.phase = Phase::Idle;
            self.closing = None;
            self.end = Some(Ok(()));
        }
    }

    pub(crate) fn closing(&mut self) -> Option<&mut Closing> {
        self.closing.as_mut()
    }

    pub(crate) fn closed(&mut self) {
        self.closing = None;
    }

    /// Whether an orderly end is under way.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Why `loop_forever` is to end, if it is.
    pub(crate) fn end(&self) -> Option<Result<(), Error>> {
        self.end.clone()
    }

    /// When the loop has something to do without being told.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let due = match self.phase {
            Phase::Due(at) => Some(at),
            _ => None,
        };
        let closing = self.closing.as_ref().filter(|closing| !closing.sent).map(|closing| closing.deadline);
        due.into_iter().chain(closing).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn session(retries: bool) -> Session {
        Session::new(SECOND, 120 * SECOND, retries)
    }

    fn due_after(session: &Session, now: Instant) -> Option<Duration> {
        match session.phase() {
            Phase::Due(at) => Some(at - now),
            _ => None,
        }
    }

    #[test]
    fn a_lost_connection_is_made_again_after_growing_delays() {
        let now = Instant::now();
        let mut session = session(true);
        let first = session.begin_anew(false);
        session.connected(first, now);
        session.lost(first, Error::Dropped, Loss::Cut, now, 0.0);
        assert_eq!(due_after(&session, now), Some(SECOND));
        let second = session.begin();
        session.failed(second, Error::Dropped, false, now, 0.0);
        assert_eq!(due_after(&session, now), Some(2 * SECOND));
        let third = session.begin();
        session.connected(third, now);
        session.lost(third, Error::Dropped, Loss::Cut, now, 1.0);
        assert_eq!(due_after(&session, now), Some(SECOND * 6 / 5));
    }

    #[test]
    fn what_an_old_connection_tells_changes_nothing() {
        let now = Instant::now();
        let mut session = session(true);
        let first = session.begin_anew(false);
        let second = session.begin_anew(false);
        session.lost(first, Error::Dropped, Loss::Cut, now, 0.0);
        session.failed(first, Error::Dropped, false, now, 0.0);
        assert_eq!(session.phase(), Phase::Attempt(second));
    }

    #[test]
    fn without_retries_the_loop_ends_with_the_cause() {
        let now = Instant::now();
        let mut session = session(false);
        let first = session.begin_anew(false);
        session.connected(first, now);
        session.lost(first, Error::Dropped, Loss::Cut, now, 0.0);
        assert_eq!(session.phase(), Phase::Idle);
        assert!(matches!(session.end(), Some(Err(Error::Dropped))));
    }

    #[test]
    fn what_the_program_waits_for_is_not_tried_again() {
        let now = Instant::now();
        let mut session = session(true);
        let first = session.begin_anew(false);
        session.failed(first, Error::Dropped, true, now, 0.0);
        assert_eq!(session.phase(), Phase::Attempt(first), "the program will say so");
        session.gave_up(first, Error::Dropped, Instant::now(), 0.0);
        assert_eq!(session.phase(), Phase::Idle);
    }

    #[test]
    fn the_first_connection_is_tried_again_only_on_demand() {
        let now = Instant::now();
        for retry in [false, true] {
            let mut session = session(true);
            session.want(now);
            let first = session.begin();
            session.failed(first, Error::Dropped, retry, now, 0.0);
            assert_eq!(due_after(&session, now).is_some(), retry);
            assert_eq!(session.end().is_some(), !retry);
        }
    }

    #[test]
    fn an_orderly_end_is_no_loss() {
        let now = Instant::now();
        let mut session = session(true);
        let first = session.begin_anew(false);
        session.connected(first, now);
        session.close(Closing { deadline: now, packet: Vec::new(), sent: false, after_callbacks: false }, true);
        session.lost(first, Error::Dropped, Loss::Orderly, now, 0.0);
        assert_eq!(session.phase(), Phase::Idle);
        assert!(matches!(session.end(), Some(Ok(()))));
    }

    #[test]
    fn a_rival_is_suspected_after_repeated_kicks() {
        let now = Instant::now();
        let mut session = session(true);
        let mut suspicions = Vec::new();
        for _ in 0..4 {
            let attempt = session.begin();
            session.connected(attempt, now);
            suspicions.push(session.lost(attempt, Error::Dropped, Loss::Cut, now + SECOND, 0.0) == Suspicion::Rival);
        }
        assert_eq!(suspicions, [false, false, true, false]);
    }
}
