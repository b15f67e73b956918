//! One attempt to connect, from the name to CONNACK, on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::engine::paho::{self, Paho};
use crate::event::Event;
use crate::link::{Cause, Ending, Settings, dial};
use crate::types::{Error, Properties, Protocol, ReasonCode, Result, later};
use crate::wire::Opening;

/// How long the end of a connection may take that is in the way of a new one.
const CLEARING: Duration = Duration::from_secs(5);
/// How long Paho may take to notice what the link has told it.
const PATIENCE: Duration = Duration::from_secs(15);

/// How a connection is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// For everything from the name to CONNACK.
    pub(crate) timeout: Duration,
    pub(crate) version: Protocol,
    pub(crate) client_id: String,
    /// Clean session (v3.1.1) or clean start (MQTT 5).
    pub(crate) clean: bool,
    pub(crate) properties: Properties,
    pub(crate) opening: Opening,
    pub(crate) max_packet: usize,
}

/// An attempt, shared by its thread, the link and whoever waits for the outcome.
#[derive(Debug)]
pub(crate) struct Attempt {
    number: u64,
    version: Protocol,
    cancelled: AtomicBool,
    state: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    answered: bool,
    accepted: bool,
    refused: Option<(ReasonCode, Properties)>,
    engine_failed: bool,
    ending: Option<Ending>,
    outcome: Option<Result<()>>,
}

impl Attempt {
    fn new(number: u64, version: Protocol) -> Self {
        let state = Mutex::new(Progress::default());
        Attempt { number, version, cancelled: AtomicBool::new(false), state, changed: Condvar::new() }
    }

    /// Its place among the client's attempts, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn version(&self) -> Protocol {
        self.version
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Nobody wants the connection any more. Whoever waits is told at once.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        let answered = self.lock().answered;
        self.finish(if answered { Ok(()) } else { Err(Error::Cancelled) });
    }

    /// CONNACK has accepted; the loop is about to hear of it, and may end this connection for another at once.
    pub(crate) fn answered(&self) {
        self.lock().answered = true;
    }

    /// CONNACK has accepted.
    pub(crate) fn accepted(&self) {
        self.update(|progress| progress.accepted = true);
        self.finish(Ok(()));
    }

    pub(crate) fn refused(&self, code: ReasonCode, properties: Properties) {
        self.update(|progress| progress.refused = Some((code, properties)));
    }

    /// Paho has not reached the link.
    pub(crate) fn engine_failed(&self) {
        self.update(|progress| progress.engine_failed = true);
    }

    pub(crate) fn ended(&self, ending: Ending) {
        self.update(|progress| progress.ending = Some(ending));
    }

    /// Whether the loop has been told of a connection.
    pub(crate) fn was_announced(&self) -> bool {
        self.lock().accepted
    }

    /// The outcome, waited for until `limit`; `None` when it has not come by then.
    pub(crate) fn wait(&self, limit: Instant) -> Option<Result<()>> {
        let mut progress = self.lock();
        loop {
            if let Some(outcome) = &progress.outcome {
                return Some(outcome.clone());
            }
            let left = limit.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            progress = self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn finish(&self, outcome: Result<()>) {
        self.update(|progress| {
            progress.outcome.get_or_insert(outcome);
        });
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until CONNACK has come, the connection has ended, nobody wants it or time is up.
    fn wait_answer(&self, deadline: Instant) -> Step {
        let mut progress = self.lock();
        loop {
            if self.is_cancelled() {
                return Step::Cancelled;
            }
            if progress.accepted {
                return Step::Accepted;
            }
            if let Some(ending) = &progress.ending {
                return Step::Ended(ending.clone(), progress.refused.clone());
            }
            if progress.engine_failed {
                return Step::EngineFailed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Step::TooLate;
            }
            progress = self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// How the wait for CONNACK came out.
enum Step {
    Accepted,
    Ended(Ending, Option<(ReasonCode, Properties)>),
    Cancelled,
    EngineFailed,
    TooLate,
}

/// Starts an attempt. With `tells_failure`, the loop hears of its failure.
pub(crate) fn start(engine: Arc<Engine>, plan: Plan, number: u64, tells_failure: bool) -> Arc<Attempt> {
    let attempt = Arc::new(Attempt::new(number, plan.version));
    engine.core.lock().under_way = Some(number);
    let worker = Arc::clone(&attempt);
    let core = Arc::clone(&engine.core);
    let spawned = thread::Builder::new().name("rappel-connect".into()).spawn(move || {
        let outcome = run(&engine, &plan, &worker);
        conclude(&engine, &worker, outcome, tells_failure);
    });
    if let Err(error) = spawned {
        let error = Error::Engine { problem: format!("no thread could be started: {error}") };
        core.lock().over(number);
        if tells_failure {
            core.queue.push(Event::ConnectFailed { attempt: number, error: error.clone() });
        }
        attempt.finish(Err(error));
    }
    attempt
}

fn conclude(engine: &Engine, attempt: &Attempt, outcome: Result<()>, tells_failure: bool) {
    if let Err(error) = &outcome {
        engine.core.lock().over(attempt.number);
        // A refusal has its own event.
        if tells_failure && !attempt.is_cancelled() && !matches!(error, Error::Refused { .. }) {
            engine.core.queue.push(Event::ConnectFailed { attempt: attempt.number, error: error.clone() });
        }
    }
    attempt.finish(outcome);
}

fn run(engine: &Engine, plan: &Plan, attempt: &Arc<Attempt>) -> Result<()> {
    let deadline = later(Instant::now(), plan.timeout);
    // What stands is ended first: it must not live on when the new connection cannot be made.
    drop(make_way(engine, attempt)?);
    let stream = dial(&plan.host, plan.port, deadline)?;
    let _turn = make_way(engine, attempt)?;
    let link = engine.link()?;
    let paho = Arc::new(Paho::new(link.port(), plan, Arc::clone(&engine.core.queue))?);
    engine.core.replace(Some(Arc::clone(&paho)), Some(Arc::clone(attempt)));
    let epoch = {
        let mut state = engine.core.lock();
        state.linked = true;
        state.outbox.epoch()
    };
    let settings = Settings { version: plan.version, opening: plan.opening.clone(), max_packet: plan.max_packet };
    let attached = link.attach(stream, settings);
    if let Err(error) = attached {
        engine.core.unlinked();
        return Err(Error::Engine { problem: format!("the link could not take the connection: {error}") });
    }
    let core = Arc::downgrade(&engine.core);
    let answer = paho.connect(plan, move || {
        if let Some(core) = core.upgrade() {
            core.engine_answered(epoch);
        }
    });
    drop(paho);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            engine.abort();
            engine.core.wait_ended(Instant::now() + CLEARING);
            return Err(error);
        }
    };
    let step = attempt.wait_answer(deadline);
    if !matches!(step, Step::Accepted) {
        engine.abort();
        engine.core.wait_ended(Instant::now() + CLEARING);
    }
    answer.wait(PATIENCE);
    let (host, port) = (plan.host.clone(), plan.port);
    match step {
        Step::Accepted => Ok(()),
        Step::Cancelled => Err(Error::Cancelled),
        Step::EngineFailed => {
            Err(Error::Engine { problem: "Paho could not reach the client's loopback port".to_owned() })
        }
        Step::TooLate => Err(Error::ConnectTimeout {
            host,
            port,
            seconds: plan.timeout.as_secs_f64(),
            stage: "the broker's answer (CONNACK)",
        }),
        Step::Ended(_, Some((code, properties))) => Err(Error::Refused { host, port, code, properties }),
        Step::Ended(Ending { cause: Cause::Protocol(problem), .. }, None) => {
            Err(Error::Protocol { problem: problem.to_owned() })
        }
        Step::Ended(Ending { cause: Cause::Engine, .. }, None) => {
            Err(Error::Engine { problem: "Paho closed the connection before CONNACK".to_owned() })
        }
        Step::Ended(_, None) => Err(Error::ClosedDuringConnect { host, port }),
    }
}

/// Ends the connection that stands and lets go of the last client of Paho's. With the guard, no other attempt makes
/// one.
fn make_way<'a>(engine: &'a Engine, attempt: &Attempt) -> Result<MutexGuard<'a, ()>> {
    let turn = engine.attempts.lock().unwrap_or_else(PoisonError::into_inner);
    if attempt.is_cancelled() {
        return Err(Error::Cancelled);
    }
    engine.abort();
    if !engine.core.wait_ended(Instant::now() + CLEARING) {
        return Err(Error::Engine { problem: "the last connection does not end".to_owned() });
    }
    if let Some(last) = engine.core.replace(None, None) {
        paho::retire(last);
    }
    Ok(turn)
}
