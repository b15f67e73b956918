//! A broker that follows a script, for what a real one never does: wrong packets, wrong order, silence.
//!
//! ```ignore
//! let broker = ScriptedBroker::run(|peer| {
//!     peer.expect_connect();
//!     peer.connack(0, false);
//!     let message = peer.expect_publish();
//!     peer.puback(message.id);
//! });
//! client.connect("127.0.0.1", broker.port())?;
//! // ..
//! broker.finish();
//! ```

mod answers;
mod decode;
pub mod packet;
mod peer;
pub mod property;

use std::net::{TcpListener, TcpStream};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use decode::take_messages;
pub use peer::Peer;

use super::wait::{DEADLINE, holds_within};

/// How long a test waits at its end for the scripts to end; each step of a script has a shorter deadline of its own.
const END: Duration = Duration::from_secs(60);

/// The same, when the test has failed already.
const END_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often a broker that serves asks whether it is to stop.
const POLL: Duration = Duration::from_millis(20);

/// What happens on one connection. Returning closes it.
pub type Script = Box<dyn FnOnce(&mut Peer) + Send>;

/// Boxes a script for [`ScriptedBroker::sequence`].
pub fn script(steps: impl FnOnce(&mut Peer) + Send + 'static) -> Script {
    Box::new(steps)
}

/// A listener on a loopback port, and the thread that plays the scripts.
///
/// Dropping it waits for the scripts and re-raises a script's panic. So every script must have run to its end: one
/// whose connection never comes fails the test.
#[derive(Debug)]
#[must_use = "dropping it waits for the scripts to end"]
pub struct ScriptedBroker {
    port: u16,
    /// The thread, until it was joined.
    thread: Option<JoinHandle<()>>,
    /// Closes when the thread ends, in whatever way: a join with a deadline.
    ended: Receiver<()>,
    /// Tells [`serving`](Self::serving) to take no more connections.
    stop: Arc<AtomicBool>,
}

impl ScriptedBroker {
    /// Plays `steps` on one connection; a second one is refused by the system.
    ///
    /// # Panics
    /// When there is no free port.
    #[track_caller]
    pub fn run(steps: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        Self::sequence(vec![script(steps)])
    }

    /// Plays each script on a connection of its own, one after another. When the last one is accepted, the listener
    /// closes.
    ///
    /// # Panics
    /// When there is no free port.
    #[track_caller]
    pub fn sequence(scripts: Vec<Script>) -> Self {
        Self::listening(|listener, _| play(listener, scripts))
    }

    /// Plays `steps` on every connection that comes, one after another, with its number from 0, until the broker is
    /// finished or dropped: for what may take any number of connections.
    ///
    /// # Panics
    /// When there is no free port.
    #[track_caller]
    pub fn serving(mut steps: impl FnMut(usize, &mut Peer) + Send + 'static) -> Self {
        Self::listening(move |listener, stop| {
            listener.set_nonblocking(true).expect("a non-blocking listener");
            for number in 0.. {
                let mut accepted = None;
                while accepted.is_none() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    holds_within(POLL, || {
                        accepted = listener.accept().ok();
                        accepted.is_some()
                    });
                }
                let mut peer = accepted.map(|(stream, _)| Peer::new(stream)).expect("just accepted");
                steps(number, &mut peer);
                peer.close();
            }
        })
    }

    /// Runs `run` on a thread of its own, with a listener and with what tells it to stop.
    #[track_caller]
    fn listening(run: impl FnOnce(TcpListener, &AtomicBool) + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("a local address").port();
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, ended) = channel();
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("scripted broker".to_owned())
            .spawn(move || {
                // Moved in to be dropped at the end.
                let _sender = sender;
                run(listener, &stopped);
            })
            .expect("a thread");
        Self { port, thread: Some(thread), ended, stop }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the scripts to end.
    ///
    /// # Panics
    /// With a script's panic; when they still run long after.
    #[track_caller]
    pub fn finish(mut self) {
        self.join();
    }

    /// Joins the thread within the deadline and re-raises its panic, unless the test panics already.
    #[track_caller]
    fn join(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.stop.store(true, Ordering::SeqCst);
        let limit = if thread::panicking() { END_AFTER_FAILURE } else { END };
        // Never a value: either the time is over, or the other end was dropped.
        let _ = self.ended.recv_timeout(limit);
        // The channel closes just before the thread is finished.
        let ended = holds_within(END_AFTER_FAILURE, || thread.is_finished());
        if thread::panicking() {
            return;
        }
        assert!(ended, "a script of the scripted broker still runs after {limit:?}");
        if let Err(panic) = thread.join() {
            resume_unwind(panic);
        }
    }
}

impl Drop for ScriptedBroker {
    fn drop(&mut self) {
        self.join();
    }
}

/// Plays the scripts, one connection each.
fn play(listener: TcpListener, scripts: Vec<Script>) {
    let count = scripts.len();
    let mut listener = Some(listener);
    for (index, script) in scripts.into_iter().enumerate() {
        let accepting = listener.take().expect("kept until the last script");
        let stream = accept(&accepting)
            .unwrap_or_else(|| panic!("script {} of {count}: no connection came within {DEADLINE:?}", index + 1));
        if index + 1 < count {
            listener = Some(accepting);
        } else {
            drop(accepting);
        }
        let mut peer = Peer::new(stream);
        script(&mut peer);
        peer.close();
    }
}

/// The next connection, `None` when none comes in time.
fn accept(listener: &TcpListener) -> Option<TcpStream> {
    listener.set_nonblocking(true).expect("a non-blocking listener");
    let mut accepted = None;
    holds_within(DEADLINE, || {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    accepted.map(|(stream, _)| stream)
}
