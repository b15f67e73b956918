//! Which packet of ours it is that a broker hangs up on without a word.
//!
//! Suspect is what had been written whole and was the oldest without an answer when the peer closed. Where it is the same
//! packet three times in a row, it is *isolated*: it goes last, and alone. What would have to follow it in order
//! (messages of its topic and QoS, requests for its filters) waits behind it; all else goes on. Before it goes, the same
//! connection must have answered sixteen times; then nothing of ours is in flight, and a last ping shows that all before
//! it was dealt with. Where the peer hangs up on it three times more, it is given up.
//!
//! Connections that are cut by chance must not come to that. So a connection that ends while nothing of ours is
//! unanswered, or in another way, clears everything of suspicion; one that ends with another packet begins the count of
//! three anew; and the end counts only where it came sixteen times faster than the connection had stood before, which
//! chance rarely brings about once (one time in 45 at the most, at whatever rate it cuts) and not three times on end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::mqtt::session::Session;
use crate::mqtt::{OutgoingMessage, Request, SendBuffer};
use crate::types::Qos;

/// So often the peer hangs up on a packet before it is isolated, and then again before it is given up.
const STRIKES: u32 = 3;
/// Answers that a connection must have brought before an isolated packet goes, and how much faster than the connection
/// had stood before it must end to count.
const PROOF: u32 = 16;
/// How long others wait for an isolated packet, or it for them.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest time that an isolated packet is held back on a connection.
const LONGEST: Duration = Duration::from_secs(120);

/// How a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// We wanted it, or there was none.
    Ours,
    /// The peer has closed it.
    HungUp,
    /// The network failed, or the broker was silent or broke the protocol.
    Otherwise,
}

/// Who may send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Everybody,
    /// What is in flight is waited for.
    Nobody,
    /// What has this sequence.
    One(u64),
}

/// What may not overtake what.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Topic(Arc<str>, Qos),
    Filters(Vec<String>),
}

/// A packet that may be the one.
#[derive(Debug, Clone)]
pub(crate) struct Suspect {
    pub(crate) sequence: u64,
    line: Line,
}

impl Suspect {
    pub(crate) fn message(message: &OutgoingMessage) -> Self {
        Suspect { sequence: message.sequence, line: Line::Topic(Arc::clone(&message.topic), message.qos) }
    }

    pub(crate) fn request(request: &Request) -> Self {
        let filters = request.filter_names().map(str::to_owned).collect();
        Suspect { sequence: request.sequence, line: Line::Filters(filters) }
    }
}

#[derive(Debug)]
struct Isolated {
    suspect: Suspect,
    /// How often the peer has hung up on it since, so that it counts; and how often it went out in vain at all.
    strikes: u32,
    trials: u32,
    /// The longest time that it took to hang up.
    slowest: Duration,
}

/// Where the trial of an isolated packet stands.
#[derive(Debug, Clone, Copy)]
enum Trial {
    /// There is none; not before that time, if one is given.
    None(Option<Instant>),
    /// Nothing else goes out any more; `ping` is the last ping.
    Clearing { until: Instant, ping: Option<u64> },
    /// It goes out now, and is to have its answer by then.
    Alone { sequence: u64, at: Instant, is_sent: bool },
    /// It has had no answer in time; others go on.
    Late { sequence: u64 },
}

/// Who is suspected, and what is known for and against it.
#[derive(Debug)]
pub(crate) struct Suspects {
    /// What was the oldest without an answer when the peer last hung up, and how often in a row.
    oldest: Option<(u64, u32)>,
    isolated: Vec<Isolated>,
    trial: Trial,
    /// The connection that stands was begun then.
    since: Instant,
    /// What it has answered.
    answers: u32,
    pings_sent: u64,
    pings_answered: u64,
    /// The broker has answered something else than pings since the last trial.
    takes_others: bool,
    /// Counts whenever what was held may go.
    releases: u64,
}

impl Suspects {
    pub(crate) fn new(now: Instant) -> Self {
        Suspects {
            oldest: None,
            isolated: Vec::new(),
            trial: Trial::None(None),
            since: now,
            answers: 0,
            pings_sent: 0,
            pings_answered: 0,
            takes_others: false,
            releases: 0,
        }
    }

    /// A connection begins.
    pub(crate) fn connect(&mut self, now: Instant) {
        (self.since, self.answers, self.pings_sent, self.pings_answered) = (now, 0, 0, 0);
        self.trial = Trial::None(None);
    }

    /// Whether the peer has hung up on something more often than once.
    pub(crate) fn has_any(&self) -> bool {
        !self.isolated.is_empty() || self.oldest.is_some_and(|(_, strikes)| strikes > 1)
    }

    /// Nothing is suspected any more.
    pub(crate) fn clear(&mut self) {
        self.oldest = None;
        if !self.isolated.is_empty() {
            self.isolated.clear();
            self.releases += 1;
        }
    }

    /// The connection has ended so, with `oldest` written whole and without an answer before all others. Gives the
    /// sequence of what is given up.
    pub(crate) fn disconnected(&mut self, loss: Loss, oldest: Option<Suspect>, now: Instant) -> Option<u64> {
        let trial = std::mem::replace(&mut self.trial, Trial::None(None));
        match (loss, trial) {
            (Loss::Ours, _) => {}
            (Loss::Otherwise, _) => self.clear(),
            (Loss::HungUp, Trial::Alone { sequence, at, is_sent: true }) => {
                if oldest.is_some_and(|oldest| oldest.sequence == sequence) {
                    return self.failed(sequence, at, now);
                }
            }
            (Loss::HungUp, Trial::Late { sequence })
                if oldest.as_ref().is_some_and(|oldest| oldest.sequence == sequence) => {}
            (Loss::HungUp, _) => match oldest {
                Some(oldest) => self.suspect(oldest),
                None => self.clear(),
            },
        }
        None
    }

    /// The peer has hung up on a packet among others.
    fn suspect(&mut self, oldest: Suspect) {
        self.isolated.iter_mut().for_each(|isolated| isolated.strikes = 0);
        let strikes = match self.oldest {
            Some((sequence, strikes)) if sequence == oldest.sequence => strikes + 1,
            _ => 1,
        };
        self.oldest = (strikes < STRIKES).then_some((oldest.sequence, strikes));
        if strikes >= STRIKES {
            self.isolated.push(Isolated { suspect: oldest, strikes: 0, trials: 0, slowest: Duration::ZERO });
        }
    }

    /// The peer has hung up on an isolated packet that went out at `at`.
    fn failed(&mut self, sequence: u64, at: Instant, now: Instant) -> Option<u64> {
        self.takes_others = false;
        let place = self.place(sequence)?;
        let isolated = &mut self.isolated[place];
        let (stood, took) = (at.saturating_duration_since(self.since), now.saturating_duration_since(at));
        isolated.trials += 1;
        isolated.slowest = took.max(isolated.slowest);
        isolated.strikes += u32::from(took.saturating_mul(PROOF) <= stood);
        if isolated.strikes < STRIKES {
            return None;
        }
        self.isolated.remove(place);
        self.releases += 1;
        Some(sequence)
    }

    fn place(&self, sequence: u64) -> Option<usize> {
        self.isolated.iter().position(|isolated| isolated.suspect.sequence == sequence)
    }

    /// What has this sequence is answered; `true` when it was isolated.
    pub(crate) fn answered(&mut self, sequence: u64) -> bool {
        self.oldest.take_if(|(oldest, _)| *oldest == sequence);
        let Some(place) = self.place(sequence) else {
            self.answers = self.answers.saturating_add(1);
            self.takes_others = true;
            return false;
        };
        self.isolated.remove(place);
        self.releases += 1;
        self.trial = Trial::None(None);
        true
    }

    /// What has this sequence is not wanted any more.
    pub(crate) fn withdrawn(&mut self, sequence: u64) -> bool {
        let place = self.place(sequence).map(|place| self.isolated.remove(place));
        self.releases += u64::from(place.is_some());
        self.trial = Trial::None(None);
        place.is_some()
    }

    /// A PINGREQ goes out.
    pub(crate) fn pings(&mut self) {
        self.pings_sent += 1;
    }

    /// PINGRESP has come.
    pub(crate) fn ping_answered(&mut self) {
        self.pings_answered += 1;
        self.answers = self.answers.saturating_add(1);
    }

    /// Whether `message` is isolated, or behind such a one.
    pub(crate) fn hold_message(&self, message: &OutgoingMessage) -> bool {
        self.isolated.iter().any(|isolated| {
            let Line::Topic(topic, qos) = &isolated.suspect.line else { return false };
            isolated.suspect.sequence <= message.sequence && *topic == message.topic && *qos == message.qos
        })
    }

    /// Whether `request` is isolated, or behind such a one.
    pub(crate) fn hold_request(&self, request: &Request) -> bool {
        self.isolated.iter().any(|isolated| {
            let Line::Filters(filters) = &isolated.suspect.line else { return false };
            isolated.suspect.sequence <= request.sequence
                && request.filter_names().any(|asked| filters.iter().any(|filter| filter == asked))
        })
    }

    /// Counts whenever what was held may go.
    pub(crate) fn releases(&self) -> u64 {
        self.releases
    }

    /// Who may send now.
    pub(crate) fn turn(&self) -> Turn {
        match self.trial {
            Trial::None(_) | Trial::Late { .. } => Turn::Everybody,
            Trial::Clearing { .. } | Trial::Alone { is_sent: true, .. } => Turn::Nobody,
            Trial::Alone { sequence, is_sent: false, .. } => Turn::One(sequence),
        }
    }

    /// What has this sequence goes out.
    pub(crate) fn sent(&mut self, sequence: u64) {
        if let Trial::Alone { sequence: alone, is_sent, .. } = &mut self.trial {
            *is_sent |= *alone == sequence;
        }
    }

    /// The isolated packet that is to go next, and when.
    fn next_trial(&self) -> Option<(u64, Instant)> {
        let due = |isolated: &Isolated| {
            // Pings alone say less: perhaps the broker takes no message at all for now.
            let pause = match (self.takes_others, isolated.trials) {
                (false, trials @ 1..) => 10_000 << (2 * (trials - 1)).min(8),
                (_, trials) => 500 << trials.saturating_sub(STRIKES).min(10),
            };
            isolated.slowest.saturating_mul(2 * PROOF).max(Duration::from_millis(pause)).min(LONGEST)
        };
        let next = self.isolated.iter().min_by_key(|isolated| due(isolated))?;
        Some((next.suspect.sequence, self.since + due(next)))
    }

    /// Goes on with the trial of what is isolated, with so much in flight; `true` when a PINGREQ is to go out.
    pub(crate) fn try_next(&mut self, now: Instant, in_flight: usize) -> bool {
        let Some((sequence, due)) = self.next_trial() else {
            return false;
        };
        match self.trial {
            Trial::None(not_before) => {
                if self.answers < PROOF {
                    return self.pings_sent == self.pings_answered;
                }
                if due.max(not_before.unwrap_or(due)) > now {
                    return false;
                }
                self.trial = Trial::Clearing { until: now + PATIENCE, ping: None };
                self.try_next(now, in_flight)
            }
            Trial::Clearing { until, .. } if until <= now => {
                // Something else is without an answer, too: others are not to wait for that again and again.
                self.trial = Trial::None(Some(now + LONGEST));
                false
            }
            Trial::Clearing { .. } if in_flight > 0 => false,
            Trial::Clearing { until, ping: None } => {
                self.trial = Trial::Clearing { until, ping: Some(self.pings_sent + 1) };
                true
            }
            Trial::Clearing { ping: Some(ping), .. } => {
                if self.pings_answered >= ping {
                    self.trial = Trial::Alone { sequence, at: now, is_sent: false };
                }
                false
            }
            Trial::Alone { sequence, at, .. } => {
                if at + PATIENCE <= now {
                    self.trial = Trial::Late { sequence };
                }
                false
            }
            Trial::Late { .. } => false,
        }
    }

    /// When [`try_next`](Self::try_next) must be called though nothing has come.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let (_, due) = self.next_trial()?;
        match self.trial {
            Trial::None(_) if self.answers < PROOF => None,
            Trial::None(not_before) => Some(due.max(not_before.unwrap_or(due))),
            Trial::Clearing { until, .. } => Some(until),
            Trial::Alone { at, .. } => Some(at + PATIENCE),
            Trial::Late { .. } => None,
        }
    }
}

/// What others need to know of suspects.
impl Session {
    /// Who may send now.
    pub(crate) fn turn(&self) -> Turn {
        self.suspects.turn()
    }

    /// Whether a message waits for something that may not be overtaken and that the broker may have hung up on.
    pub(crate) fn holds_message(&self, message: &OutgoingMessage) -> bool {
        self.suspects.hold_message(message)
    }

    /// The same for a request.
    pub(crate) fn holds_request(&self, request: &Request) -> bool {
        self.suspects.hold_request(request)
    }

    /// Counts whenever what was held may go.
    pub(crate) fn releases(&self) -> u64 {
        self.suspects.releases()
    }

    /// Goes on with what the broker may have hung up on. Must be called on an accepted connection before anything is sent.
    pub(crate) fn try_suspects(&mut self, now: Instant, out: &mut SendBuffer) {
        if self.suspects.try_next(now, self.outgoing.unanswered()) {
            self.ping(out);
        }
    }
}
