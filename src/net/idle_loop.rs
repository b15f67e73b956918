//! The loop's thread reads the broker's socket itself while it has nothing else to do: who asks the broker and waits for the
//! answer is spared a change of threads.
//!
//! While the loop waits, its own poller is told when there is something to read, and the network's is not. All else stays
//! with the network's thread: deadlines, what others publish, and what comes while a callback runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use crate::event::{ConnectionId, EventQueue, WakeLoop};
use crate::net::pipe::SOCKET;
use crate::net::reactor::Channel;

/// What others have for the loop.
const WAKE: Token = Token(1);
/// What is read from the socket at a time: answers. Of more than that, the network's thread reads the rest.
const READ: usize = 16 * 1024;
/// So many loops of a process may wait like that, as each takes two descriptors; those of the others are woken by the
/// network's thread.
const MOST: usize = 32;
/// A shorter wait is not worth the preparations, and pollers count in milliseconds.
const SHORTEST: Duration = Duration::from_millis(2);

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// What one client's loop waits with.
pub(crate) struct IdleLoop {
    poll: Poll,
    events: Events,
    waker: Arc<dyn WakeLoop>,
    /// The connection that the poller has watched last.
    watched: Option<ConnectionId>,
    buffer: Vec<u8>,
}

struct PollWaker(Waker);

impl WakeLoop for PollWaker {
    fn wake(&self) {
        if let Err(error) = self.0.wake() {
            log::error!("the loop's thread cannot be woken: {error}");
        }
    }
}

impl IdleLoop {
    /// Whether to wait like that until `deadline`.
    pub(crate) fn is_worth_it(deadline: Option<Instant>) -> bool {
        deadline.is_none_or(|deadline| deadline > Instant::now() + SHORTEST)
    }

    /// `None` where there are too many, or the system has no descriptors left.
    pub(crate) fn new() -> Option<Box<Self>> {
        if COUNT.fetch_add(1, Ordering::Relaxed) < MOST
            && let Ok(idle_loop) = Self::start()
        {
            return Some(Box::new(idle_loop));
        }
        COUNT.fetch_sub(1, Ordering::Relaxed);
        None
    }

    fn start() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(PollWaker(Waker::new(poll.registry(), WAKE)?));
        Ok(IdleLoop { poll, events: Events::with_capacity(4), waker, watched: None, buffer: vec![0; READ] })
    }

    /// Reads what the broker says until there is something for the loop, or `deadline` has come, or the connection is not
    /// the loop's to read.
    pub(crate) fn listen(&mut self, channel: &Arc<Channel>, queue: &EventQueue, mut deadline: Option<Instant>) {
        let mut connection = channel.lock();
        let Ok(Some(id)) = connection.lend(self.poll.registry(), self.watched) else {
            return;
        };
        self.watched = Some(id);
        self.events.clear();
        loop {
            let now = Instant::now();
            for event in self.events.iter().filter(|event| event.token() == SOCKET) {
                connection.broker_ready(event);
            }
            let more = connection.drive(now, &mut self.buffer);
            let is_over = more || deadline.is_some_and(|deadline| deadline <= now) || !connection.is_lent(id);
            let sleeps = !is_over && queue.sleeps(&self.waker);
            if !sleeps {
                connection.reclaim(id);
            }
            channel.driven(connection, more);
            if !sleeps {
                return;
            }
            let timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
            if let Err(error) = self.poll.poll(&mut self.events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                log::error!("the loop's thread cannot wait for its socket: {error}");
                deadline = Some(now);
            }
            queue.awake();
            connection = channel.lock();
        }
    }
}

impl Drop for IdleLoop {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}
