//! The one thread that serves the connections of all clients in the process.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Registry, Token, Waker};

use crate::net::connection::Connection;
use crate::net::deadlines::Deadlines;
use crate::sync::{lock, spawn};

/// Wakes the thread for what other threads have to say.
const WAKE: Token = Token(usize::MAX);
/// Tokens of one client: the broker's socket, and the engine's own.
const TOKENS: usize = 2;
const BROKER: usize = 0;
const ENGINE: usize = 1;
/// What is read from a socket at a time.
const READ: usize = 128 * 1024;

/// What one client and the network's thread share.
pub(crate) struct Channel {
    id: usize,
    connection: Mutex<Connection>,
    /// It stands in the thread's inbox.
    notified: AtomicBool,
    /// The broker has said something since a publisher last wrote by itself.
    heard: AtomicBool,
    /// Set once the thread knows of it.
    reactor: OnceLock<Arc<Reactor>>,
}

impl Channel {
    pub(crate) fn new(connection: Connection) -> Self {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Channel {
            id,
            connection: Mutex::new(connection),
            notified: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            reactor: OnceLock::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        lock(&self.connection)
    }

    /// Unlocks, and then notifies whoever waited for what has been completed.
    pub(crate) fn unlock(mut connection: MutexGuard<'_, Connection>) {
        let completed = connection.take_completed();
        drop(connection);
        completed.iter().for_each(|completion| completion.notify());
    }

    /// The token of the broker's socket.
    pub(crate) fn broker_token(&self) -> Token {
        Token(self.id * TOKENS + BROKER)
    }

    /// The token of the engine's own socket.
    pub(crate) fn engine_token(&self) -> Token {
        Token(self.id * TOKENS + ENGINE)
    }

    /// Sends what was accepted, on the thread of whoever calls; `false` where the network's thread has to look all the same.
    ///
    /// Whoever asks the broker, and waits for its answer, is spared a change of threads. As each write is a system call, this
    /// is done once for each time that the broker has said something: whoever publishes message after message leaves them
    /// to the network's thread, which writes many at a time. Never waits.
    pub(crate) fn send_now(&self) -> bool {
        if !self.heard.load(Ordering::Relaxed) {
            return false;
        }
        let Ok(mut connection) = self.connection.try_lock() else {
            return false;
        };
        self.heard.store(false, Ordering::Relaxed);
        connection.send_now(Instant::now())
    }

    /// Has the thread look after this client.
    pub(crate) fn notify(self: &Arc<Self>) {
        // Where it is still set, the thread has yet to look; asked first, as that leaves the thread's cache alone.
        if let Some(reactor) = self.reactor.get()
            && !self.notified.load(Ordering::SeqCst)
            && !self.notified.swap(true, Ordering::SeqCst)
        {
            reactor.tell(Said::Look(Arc::clone(self)));
        }
    }

    /// The client is gone: closes its socket, and has the thread forget it.
    pub(crate) fn close(&self) {
        let mut connection = self.lock();
        connection.abandon();
        Channel::unlock(connection);
        if let Some(reactor) = self.reactor.get() {
            reactor.tell(Said::Forget(self.id));
        }
    }
}

/// What other threads have to say to the network's thread.
enum Said {
    Know(Arc<Channel>),
    Look(Arc<Channel>),
    Forget(usize),
}

/// The handle on the network's thread.
pub(crate) struct Reactor {
    registry: Registry,
    waker: Waker,
    inbox: Mutex<Vec<Said>>,
    /// The thread waits for its sockets: whoever has something to say must wake it, which costs a system call.
    asleep: AtomicBool,
}

impl Reactor {
    /// The process's reactor, started with the first call; it lives as long as the process.
    pub(crate) fn get() -> io::Result<Arc<Reactor>> {
        static REACTOR: Mutex<Option<Arc<Reactor>>> = Mutex::new(None);
        let mut started = lock(&REACTOR);
        if let Some(reactor) = &*started {
            return Ok(Arc::clone(reactor));
        }
        let poll = Poll::new()?;
        let reactor = Arc::new(Reactor {
            registry: poll.registry().try_clone()?,
            waker: Waker::new(poll.registry(), WAKE)?,
            inbox: Mutex::new(Vec::new()),
            asleep: AtomicBool::new(false),
        });
        let server =
            Server { poll, reactor: Arc::clone(&reactor), clients: HashMap::new(), deadlines: Deadlines::default() };
        spawn("rappel-net", Box::new(move || server.run()))?;
        Ok(Arc::clone(started.insert(reactor)))
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Makes a client known to the thread.
    pub(crate) fn add(self: &Arc<Self>, channel: &Arc<Channel>) {
        if channel.reactor.set(Arc::clone(self)).is_ok() {
            self.tell(Said::Know(Arc::clone(channel)));
        }
    }

    fn tell(&self, said: Said) {
        lock(&self.inbox).push(said);
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Err(error) = self.waker.wake()
        {
            log::error!("the network's thread cannot be woken: {error}");
        }
    }
}

/// A client as the thread knows it.
struct Client {
    channel: Arc<Channel>,
    /// The deadline that stands for it among all.
    deadline: Option<Instant>,
}

struct Server {
    poll: Poll,
    reactor: Arc<Reactor>,
    clients: HashMap<usize, Client>,
    deadlines: Deadlines,
}

impl Server {
    fn run(mut self) {
        let mut events = Events::with_capacity(256);
        let mut buffer = vec![0; READ];
        // Clients that have something to do now; `busy` are those that were not finished with it.
        let (mut due, mut busy): (Vec<Arc<Channel>>, Vec<Arc<Channel>>) = (Vec::new(), Vec::new());
        let mut said = Vec::new();
        loop {
            if let Err(error) = self.wait(&mut events, busy.is_empty()) {
                log::error!("the network's thread cannot wait for its sockets: {error}");
                // A moment's rest, as this may go on for long.
                thread::sleep(Duration::from_millis(100));
            }
            due.append(&mut busy);
            std::mem::swap(&mut said, &mut *lock(&self.reactor.inbox));
            for said in said.drain(..) {
                self.hear(said, &mut due);
            }
            for event in &events {
                self.note(event, &mut due);
            }
            let now = Instant::now();
            while let Some(id) = self.deadlines.pop_due(now) {
                if let Some(client) = self.clients.get_mut(&id) {
                    client.deadline = None;
                    due.push(Arc::clone(&client.channel));
                }
            }
            for channel in due.drain(..) {
                channel.notified.store(false, Ordering::SeqCst);
                let mut connection = channel.lock();
                let again = connection.drive(now, &mut buffer);
                if connection.has_heard() {
                    channel.heard.store(true, Ordering::Relaxed);
                }
                let deadline = connection.next_look();
                Channel::unlock(connection);
                self.set_deadline(channel.id, deadline);
                if again {
                    busy.push(channel);
                }
            }
        }
    }

    /// Waits until a socket is ready, somebody has something to say, or a deadline has come.
    fn wait(&mut self, events: &mut Events, may_sleep: bool) -> io::Result<()> {
        let mut timeout = Some(Duration::ZERO);
        if may_sleep {
            self.reactor.asleep.store(true, Ordering::SeqCst);
            // Whoever came before could not see that we are about to sleep.
            if lock(&self.reactor.inbox).is_empty() {
                timeout = self.deadlines.next().map(|at| at.saturating_duration_since(Instant::now()));
            }
        }
        let outcome = self.poll.poll(events, timeout);
        self.reactor.asleep.store(false, Ordering::SeqCst);
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                events.clear();
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn hear(&mut self, said: Said, due: &mut Vec<Arc<Channel>>) {
        match said {
            Said::Know(channel) => drop(self.clients.insert(channel.id, Client { channel, deadline: None })),
            Said::Look(channel) => due.push(channel),
            Said::Forget(id) => {
                if let Some(at) = self.clients.remove(&id).and_then(|client| client.deadline) {
                    self.deadlines.remove(at, id);
                }
            }
        }
    }

    /// Takes note of a socket's readiness.
    fn note(&self, event: &mio::event::Event, due: &mut Vec<Arc<Channel>>) {
        let Token(token) = event.token();
        if event.token() == WAKE {
            return;
        }
        let Some(client) = self.clients.get(&(token / TOKENS)) else {
            return;
        };
        let mut connection = client.channel.lock();
        match token % TOKENS {
            BROKER => connection.broker_ready(event),
            _ => connection.engine_ready(),
        }
        drop(connection);
        due.push(Arc::clone(&client.channel));
    }

    fn set_deadline(&mut self, id: usize, deadline: Option<Instant>) {
        let (Some(at), Some(client)) = (deadline, self.clients.get_mut(&id)) else {
            return;
        };
        if client.deadline.is_none_or(|known| at < known) {
            if let Some(later) = client.deadline.replace(at) {
                self.deadlines.remove(later, id);
            }
            self.deadlines.set(at, id);
        }
    }
}
