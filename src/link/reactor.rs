//! The one thread that serves the links of all clients in the process.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::link::own_process::is_own;
use crate::link::pipe::{Pipe, Side};
use crate::link::{Settings, Tap};

/// Wakes the thread for a command.
const WAKE: Token = Token(usize::MAX);
/// Tokens of one client: its listener, the broker's socket and the engine's.
const PER_CLIENT: usize = 4;
const LISTENER: usize = 0;
const BROKER: usize = 1;
const ENGINE: usize = 2;
/// Connections to a listener that are looked at in a row.
const KNOCKS: usize = 8;
/// What is read from a socket at a time.
const READ: usize = 128 * 1024;

/// What the link's thread is asked to do.
pub(crate) enum Command {
    Open { id: usize, listener: std::net::TcpListener, tap: Arc<dyn Tap> },
    Attach { id: usize, stream: std::net::TcpStream, settings: Box<Settings> },
    Finish { id: usize, packet: Vec<u8> },
    Abort { id: usize },
    Resume { id: usize },
    Close { id: usize },
}

impl Command {
    fn id(&self) -> usize {
        match self {
            Command::Open { id, .. }
            | Command::Attach { id, .. }
            | Command::Finish { id, .. }
            | Command::Abort { id }
            | Command::Resume { id }
            | Command::Close { id } => *id,
        }
    }
}

/// The handle on the link's thread.
#[derive(Debug)]
pub(crate) struct Reactor {
    commands: Sender<Command>,
    waker: Waker,
    next_id: AtomicUsize,
}

impl Reactor {
    /// The process's reactor, started with the first call; it lives as long as the process.
    pub(crate) fn get() -> io::Result<&'static Reactor> {
        static REACTOR: Mutex<Option<&'static Reactor>> = Mutex::new(None);
        let mut cell = REACTOR.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reactor) = *cell {
            return Ok(reactor);
        }
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let (commands, receiver) = mpsc::channel();
        let server = Server {
            poll,
            commands: receiver,
            channels: HashMap::new(),
            crowded: HashSet::new(),
            buffer: vec![0; READ],
        };
        thread::Builder::new().name("rappel-link".into()).spawn(move || server.run())?;
        let reactor: &'static Reactor = Box::leak(Box::new(Reactor { commands, waker, next_id: AtomicUsize::new(0) }));
        *cell = Some(reactor);
        Ok(reactor)
    }

    pub(crate) fn new_id(&self) -> usize {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn send(&self, command: Command) -> io::Result<()> {
        self.commands
            .send(command)
            .map_err(|_| io::Error::new(ErrorKind::BrokenPipe, "the link's thread has ended"))?;
        self.waker.wake()
    }
}

/// What belongs to one client.
struct Channel {
    listener: TcpListener,
    tap: Arc<dyn Tap>,
    pipe: Option<Pipe>,
    /// QoS 2 messages that were handed on and that the broker has not released; kept while the session lives.
    received: HashSet<u16>,
}

struct Server {
    poll: Poll,
    commands: Receiver<Command>,
    channels: HashMap<usize, Channel>,
    /// Clients whose listener has more connections to look at.
    crowded: HashSet<usize>,
    buffer: Vec<u8>,
}

impl Server {
    fn run(mut self) {
        let mut events = Events::with_capacity(256);
        let mut busy: Vec<usize> = Vec::new();
        loop {
            let timeout = match busy.is_empty() && self.crowded.is_empty() {
                true => self.next_deadline().map(|at| at.saturating_duration_since(Instant::now())),
                false => Some(std::time::Duration::ZERO),
            };
            if let Err(error) = self.poll.poll(&mut events, timeout) {
                if error.kind() != ErrorKind::Interrupted {
                    log::error!("the link's thread cannot wait for its sockets: {error}");
                    return;
                }
                continue;
            }
            let mut touched: HashSet<usize> = busy.drain(..).collect();
            self.obey_all(&mut touched);
            for event in &events {
                if event.token() != WAKE {
                    touched.insert(event.token().0 / PER_CLIENT);
                    self.note(event, &mut touched);
                }
            }
            for id in std::mem::take(&mut self.crowded) {
                touched.insert(id);
                self.accept_all(id, &mut touched);
            }
            let now = Instant::now();
            touched.extend(self.overdue(now));
            for id in touched {
                if self.drive(id, now) {
                    busy.push(id);
                }
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.channels.values().filter_map(|channel| channel.pipe.as_ref()?.next_deadline()).min()
    }

    fn overdue(&self, now: Instant) -> Vec<usize> {
        let late = |channel: &Channel| channel.pipe.as_ref().and_then(Pipe::next_deadline).is_some_and(|at| at <= now);
        self.channels.iter().filter(|(_, channel)| late(channel)).map(|(&id, _)| id).collect()
    }

    /// Takes note of a socket's readiness.
    fn note(&mut self, event: &mio::event::Event, touched: &mut HashSet<usize>) {
        let Token(token) = event.token();
        let side = match token % PER_CLIENT {
            LISTENER => return self.accept_all(token / PER_CLIENT, touched),
            BROKER => Side::Broker,
            _ => Side::Engine,
        };
        if let Some(pipe) = self.channels.get_mut(&(token / PER_CLIENT)).and_then(|channel| channel.pipe.as_mut()) {
            let readable = event.is_readable() || event.is_read_closed() || event.is_error();
            pipe.ready(side, readable, event.is_writable() || event.is_error());
        }
    }

    fn obey_all(&mut self, touched: &mut HashSet<usize>) {
        while let Ok(command) = self.commands.try_recv() {
            touched.insert(command.id());
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Command) {
        let registry = self.poll.registry();
        match command {
            Command::Open { id, listener, tap } => {
                let mut listener = TcpListener::from_std(listener);
                let token = Token(id * PER_CLIENT + LISTENER);
                match registry.register(&mut listener, token, Interest::READABLE) {
                    Ok(()) => {
                        drop(self.channels.insert(id, Channel { listener, tap, pipe: None, received: HashSet::new() }))
                    }
                    Err(error) => log::error!("the link's listener cannot be watched: {error}"),
                }
            }
            Command::Attach { id, stream, settings } => {
                let Some(channel) = self.channels.get_mut(&id) else {
                    return;
                };
                let mut stream = TcpStream::from_std(stream);
                let token = Token(id * PER_CLIENT + BROKER);
                let watched = registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE);
                let mut pipe = Pipe::new(Arc::clone(&channel.tap), stream, *settings);
                if let Err(error) = watched {
                    pipe.fail(error);
                }
                channel.pipe = Some(pipe);
            }
            Command::Finish { id, packet } => self.with_pipe(id, |pipe, buffer| pipe.finish(packet, buffer)),
            Command::Abort { id } => self.with_pipe(id, |pipe, _| pipe.abort()),
            Command::Resume { .. } => {}
            Command::Close { id } => drop(self.channels.remove(&id)),
        }
    }

    fn with_pipe(&mut self, id: usize, act: impl FnOnce(&mut Pipe, &mut [u8])) {
        if let Some(pipe) = self.channels.get_mut(&id).and_then(|channel| channel.pipe.as_mut()) {
            act(pipe, &mut self.buffer);
        }
    }

    /// Moves what can be moved; `true` when there is more to do at once.
    fn drive(&mut self, id: usize, now: Instant) -> bool {
        let Some(channel) = self.channels.get_mut(&id) else {
            return false;
        };
        let Some(pipe) = &mut channel.pipe else {
            return false;
        };
        let again = pipe.drive(now, &mut self.buffer, &mut channel.received);
        if let Some(ending) = pipe.ended() {
            channel.pipe = None;
            channel.tap.ended(ending);
            return false;
        }
        again
    }

    /// Takes the engine's connection, and no one else's; a crowd of others waits for the sockets' turn.
    fn accept_all(&mut self, id: usize, touched: &mut HashSet<usize>) {
        for _ in 0..KNOCKS {
            match self.channels.get(&id).and_then(|channel| accept(&channel.listener)) {
                None => return,
                Some(Knock::Foreign) => {}
                Some(Knock::Own(stream)) => {
                    // The engine connects right after its connection has been attached: that must have been obeyed.
                    self.obey_all(touched);
                    self.connect_engine(id, stream);
                }
            }
        }
        self.crowded.insert(id);
    }

    fn connect_engine(&mut self, id: usize, mut stream: TcpStream) {
        let awaiting = self.channels.get_mut(&id).and_then(|channel| channel.pipe.as_mut());
        let Some(pipe) = awaiting.filter(|pipe| pipe.awaits_engine()) else {
            return;
        };
        let token = Token(id * PER_CLIENT + ENGINE);
        let watched = self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE);
        match watched.and_then(|()| stream.set_nodelay(true)) {
            Ok(()) => pipe.engine_connected(stream),
            Err(error) => pipe.fail(error),
        }
    }
}

/// Who has connected to a listener.
enum Knock {
    Own(TcpStream),
    /// Another process; its connection is closed.
    Foreign,
}

fn accept(listener: &TcpListener) -> Option<Knock> {
    loop {
        match listener.accept() {
            Ok((stream, peer)) if listener.local_addr().is_ok_and(|local| is_own(peer, local)) => {
                return Some(Knock::Own(stream));
            }
            Ok((_, peer)) => {
                log::warn!("a foreign program connected to the client's loopback port from {peer}; it was turned away");
                return Some(Knock::Foreign);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
            Err(error) => {
                log::error!("the client's loopback port cannot take a connection: {error}");
                return None;
            }
        }
    }
}
