//! The loop: takes what happened from the queue, keeps the connection, and runs the callbacks.

mod backoff;
mod dispatch;
mod profile;
mod session;
mod subscriptions;
mod turn;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::callbacks::{Callbacks, guarded};
use crate::engine::{Attempt, Engine};
use crate::event::{EventQueue, Popped};
use crate::outbox::{Keep, Letter, Outbox, Receipt, Stage};
use crate::types::{Error, Properties, Result, later};
use crate::wire::disconnect_packet;

pub(crate) use profile::Profile;
pub(crate) use session::{Closing, Phase, Session};
pub(crate) use subscriptions::Subscriptions;
pub(crate) use turn::{Mode, Turns};

/// A waiter looks this often whether the loop it relied on is still there.
const GLANCE: Duration = Duration::from_millis(100);
/// Events that a loop deals with before it lets others have the turn.
const BATCH: usize = 64;
/// How much longer than its time limit an attempt may take to say itself why it failed.
const GRACE: Duration = Duration::from_secs(1);
/// Beyond its deadline, how long an orderly end may take that only needs the network.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Everything behind the handles of one client. `C` is the handle that callbacks are given.
pub(crate) struct EventLoop<C, U> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) queue: Arc<EventQueue>,
    pub(crate) callbacks: Callbacks<C, U>,
    pub(crate) userdata: Mutex<Arc<U>>,
    pub(crate) profile: Mutex<Profile>,
    pub(crate) session: Mutex<Session>,
    pub(crate) subscriptions: Mutex<Subscriptions>,
    pub(crate) turns: Turns,
    /// The attempt under way, to be cancelled when nobody wants it any more.
    attempt: Mutex<Option<Arc<Attempt>>>,
    options: Mutex<Options>,
}

/// What an earlier program has left, and where this one keeps its own.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) store: Option<Arc<dyn Keep>>,
    pub(crate) letters: Vec<Letter>,
}

/// How the loop behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Restore subscriptions that the broker has lost.
    pub(crate) resubscribe: bool,
    /// The loop that runs tries the first connection again.
    pub(crate) retry_first: bool,
    /// The highest attempt whose CONNACK or failure the loop has dealt with.
    pub(crate) dealt_with: u64,
}

/// The lock of `mutex`, also after a panic: nothing in here is left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number between 0 and 1 that differs between clients and calls.
fn chance() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1u64 << 53) as f64
}

impl<C, U> EventLoop<C, U> {
    pub(crate) fn new(userdata: U, profile: Profile, session: Session, resubscribe: bool, kept: Kept) -> Self {
        let queue = Arc::new(EventQueue::default());
        EventLoop {
            engine: Arc::new(Engine::new(Arc::clone(&queue), kept.store, kept.letters)),
            queue,
            callbacks: Callbacks::default(),
            userdata: Mutex::new(Arc::new(userdata)),
            profile: Mutex::new(profile),
            session: Mutex::new(session),
            subscriptions: Mutex::default(),
            turns: Turns::new(),
            attempt: Mutex::new(None),
            options: Mutex::new(Options { resubscribe, retry_first: false, dealt_with: 0 }),
        }
    }

    pub(crate) fn options(&self) -> MutexGuard<'_, Options> {
        lock(&self.options)
    }

    fn userdata(&self) -> Arc<U> {
        Arc::clone(&lock(&self.userdata))
    }

    /// Begins attempt `number`. Needs the turn, for `on_pre_connect`.
    fn begin_attempt(&self, client: &C, number: u64, tells_failure: bool) -> Result<Arc<Attempt>> {
        let userdata = self.userdata();
        self.callbacks.pre_connect.call(|callback| guarded(|| "on_pre_connect".into(), || callback(client, &userdata)));
        if !lock(&self.session).is_current(number) {
            // The callback has called connect or disconnect.
            return Err(Error::Cancelled);
        }
        let plan = lock(&self.profile).plan()?;
        let version = plan.version;
        let attempt = self.engine.connect(plan, number, tells_failure);
        let last = lock(&self.attempt).replace(Arc::clone(&attempt));
        if let Some(last) = last {
            last.cancel();
        }
        if !lock(&self.session).is_current(number) {
            // Another thread has called disconnect meanwhile and could not see the attempt yet.
            self.engine.cancel(&attempt);
            if self.engine.is_connected() {
                // The broker's answer was faster than this thread.
                self.engine.finish(disconnect_packet(version, 0, &Properties::new()));
                self.engine.wait_ended(Instant::now() + LAST_WORDS);
            }
        }
        Ok(attempt)
    }

    /// Connects now and waits for CONNACK; a refusal has reached `on_connect` when this returns.
    pub(crate) fn connect_now(&self, client: &C) -> Result<()> {
        let inside = self.turns.is_mine();
        let number = lock(&self.session).begin_anew(inside);
        let attempt = {
            let _turn = (!inside).then(|| self.turns.take(|| self.queue.poke()));
            self.begin_attempt(client, number, false)
        };
        let outcome = attempt.and_then(|attempt| self.outcome(&attempt));
        if let Err(error) = &outcome {
            lock(&self.session).gave_up(number, error.clone(), Instant::now(), chance());
            self.queue.poke();
            if matches!(error, Error::Refused { .. }) && !inside {
                self.settle(client, &|| self.options().dealt_with >= number, None);
            }
        }
        outcome
    }

    /// The outcome of an attempt. A name server may take longer than any time limit: it is not waited for.
    fn outcome(&self, attempt: &Attempt) -> Result<()> {
        let (host, port, timeout) = {
            let profile = lock(&self.profile);
            (profile.host.clone(), profile.port, profile.connect_timeout)
        };
        attempt.wait(later(Instant::now(), timeout.saturating_add(GRACE))).unwrap_or_else(|| {
            self.engine.cancel(attempt);
            let seconds = timeout.as_secs_f64();
            Err(Error::ConnectTimeout { host, port, seconds, stage: "the name server's answer" })
        })
    }

    /// Does what is due without an event: a new attempt, or the next step of an orderly end.
    fn do_what_is_due(&self, client: &C) {
        let now = Instant::now();
        let number = {
            let mut session = lock(&self.session);
            match session.phase() {
                Phase::Due(at) if at <= now => Some(session.begin()),
                _ => None,
            }
        };
        if let Some(number) = number
            && let Err(error) = self.begin_attempt(client, number, true)
        {
            let retry_first = self.options().retry_first;
            lock(&self.session).failed(number, error, retry_first, now, chance());
        }
        self.close_when_drained(now);
    }

    /// Sends DISCONNECT once everything is confirmed, or time is up.
    fn close_when_drained(&self, now: Instant) {
        let mut session = lock(&self.session);
        let Some(closing) = session.closing().filter(|closing| !closing.sent) else {
            return;
        };
        let connected = self.engine.is_connected();
        let idle = || self.engine.is_idle();
        let callbacks_due = closing.after_callbacks && self.queue.len() > 0;
        if connected && now < closing.deadline && (callbacks_due || !idle()) {
            return;
        }
        closing.sent = true;
        let packet = std::mem::take(&mut closing.packet);
        // Where the connection went before it could be ended, the event that says so is on its way and ends it all.
        let waits = matches!(session.phase(), Phase::Attempt(_));
        if !waits {
            session.closed();
        }
        drop(session);
        if waits && connected {
            self.engine.finish(packet);
        }
    }

    /// One step of the loop: what is due, then one event, waited for until `deadline`. Needs the turn.
    /// `true` when there was an event.
    pub(crate) fn step(&self, client: &C, deadline: Option<Instant>) -> bool {
        self.do_what_is_due(client);
        let own = lock(&self.session).next_deadline();
        let deadline = deadline.into_iter().chain(own).min();
        let popped = self.queue.pop(deadline);
        if self.queue.regained_room() {
            self.engine.resume();
        }
        match popped {
            Popped::Event(event) => {
                self.dispatch(client, event);
                self.do_what_is_due(client);
                true
            }
            Popped::Poked | Popped::TimedOut => {
                self.do_what_is_due(client);
                false
            }
        }
    }

    /// What a loop does with one turn: waits for an event, and takes those along that are there.
    pub(crate) fn run(&self, client: &C) {
        self.step(client, None);
        for _ in 1..BATCH {
            if self.queue.len() == 0 || self.turns.is_wanted() {
                return;
            }
            self.step(client, Some(Instant::now()));
        }
    }

    /// Waits until `done`, running the loop if nobody else does; `false` when it is not by `deadline`.
    pub(crate) fn settle(&self, client: &C, done: &dyn Fn() -> bool, deadline: Option<Instant>) -> bool {
        loop {
            if done() {
                return true;
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return false;
            }
            let glance = deadline.map_or(now + GLANCE, |deadline| deadline.min(now + GLANCE));
            if let Some(turn) = self.turns.take_or_wait(Some(glance)) {
                if !done() {
                    self.step(client, Some(glance));
                }
                drop(turn);
            }
        }
    }

    /// Waits for the confirmation of a message, and for its `on_publish` where one can run.
    pub(crate) fn wait_for_publish(&self, client: &C, receipt: &Receipt, deadline: Option<Instant>) -> Result<bool> {
        if self.turns.is_mine() {
            return self.wait_inside(receipt, deadline);
        }
        loop {
            if receipt.stage() == Stage::Reported {
                return receipt.result().map(|()| true);
            }
            if receipt.stage() == Stage::Pending && lock(&self.session).phase() == Phase::Idle && self.queue.len() == 0
            {
                return Err(Error::NotConnected { what: "wait_for_publish" });
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(false);
            }
            let glance = deadline.map_or(now + GLANCE, |deadline| deadline.min(now + GLANCE));
            if self.turns.is_looping() {
                receipt.wait(Stage::Reported, Some(glance));
            } else {
                self.settle(client, &|| receipt.stage() == Stage::Reported || self.turns.is_looping(), Some(glance));
            }
        }
    }

    /// Inside a callback the loop stands still: only the confirmation itself can be waited for, and only while the
    /// connection lasts.
    fn wait_inside(&self, receipt: &Receipt, deadline: Option<Instant>) -> Result<bool> {
        let (_urgent, was_full) = self.queue.urgent();
        if was_full {
            self.engine.resume();
        }
        loop {
            if receipt.stage() >= Stage::Settled {
                return receipt.result().map(|()| true);
            }
            if !self.engine.is_under_way() {
                return Err(Error::NotConnected { what: "wait_for_publish inside a callback" });
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(false);
            }
            receipt.wait(Stage::Settled, Some(deadline.map_or(now + GLANCE, |at| at.min(now + GLANCE))));
        }
    }

    /// Ends the connection in order within `patience`; gives how many messages were not confirmed. Inside a
    /// callback it only asks for the end: the loop sees to it.
    pub(crate) fn close(&self, client: &C, packet: Vec<u8>, patience: Duration) -> usize {
        let deadline = later(Instant::now(), patience);
        let connected = self.engine.is_connected();
        let after_callbacks = !self.turns.is_mine() && !self.turns.is_looping();
        let closing = Closing { deadline, packet: packet.clone(), sent: false, after_callbacks };
        lock(&self.session).close(closing, connected);
        // Only now: an attempt that begins meanwhile sees that it is not wanted, or is seen here.
        if !connected {
            self.cancel_attempt();
        }
        if !connected && self.engine.is_connected() {
            // The broker's answer came in the last moment.
            self.engine.finish(packet.clone());
        }
        self.queue.poke();
        if self.turns.is_mine() {
            return 0;
        }
        let limit = deadline + LAST_WORDS;
        let done = || !lock(&self.session).is_closing();
        if !self.settle(client, &done, Some(deadline + GLANCE)) {
            // The loop is busy with a callback: the connection is ended without it.
            self.engine.finish(packet);
            self.settle(client, &done, Some(limit));
        }
        // A callback may have connected again.
        if lock(&self.session).phase() == Phase::Idle {
            self.engine.wait_ended(limit);
        }
        // What is still due is run, unless a loop of the program's does so.
        let drained = || self.turns.is_looping() || self.queue.len() == 0;
        self.settle(client, &drained, Some(limit));
        self.engine.read(Outbox::pending)
    }

    /// Gives up the attempt under way, if any.
    pub(crate) fn cancel_attempt(&self) {
        if let Some(attempt) = lock(&self.attempt).take() {
            self.engine.cancel(&attempt);
        }
    }
}
