//! A TCP proxy between a client and a broker that a test makes misbehave while it runs.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::wait::DEADLINE;
use super::wire::Wire;

/// A proxy on a loopback port of its own; dropping it cuts everything and joins its threads.
#[derive(Debug)]
pub struct Proxy {
    /// Where clients connect.
    port: u16,
    /// What the threads look at.
    shared: Arc<Shared>,
    /// Accepts connections.
    listener: Option<JoinHandle<()>>,
}

/// A direction of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToBroker,
    ToClient,
}

/// One value for each direction.
#[derive(Debug, Clone, Copy, Default)]
struct Both<T> {
    to_broker: T,
    to_client: T,
}

/// The state, and the bell that rings at each change of it.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Keeps what passes to clients.
    wire: Option<Wire>,
}

/// What the test wants, and what is connected.
#[derive(Debug, Default)]
struct State {
    /// The proxy is being dropped.
    stopped: bool,
    refuse: bool,
    swallow: Both<bool>,
    delay: Duration,
    /// The most bytes of one write.
    chunk: Option<usize>,
    /// The bytes that may still pass before everything is cut.
    left: Both<Option<u64>>,
    garble: bool,
    /// Connections there ever were; the last one's id.
    accepted: usize,
    /// The open connections.
    links: Vec<Link>,
}

/// An open connection: both its sockets.
#[derive(Debug)]
struct Link {
    id: usize,
    client: TcpStream,
    broker: TcpStream,
    /// The directions that have ended.
    ended: usize,
}

impl Proxy {
    /// A proxy to `127.0.0.1:target` that passes everything on.
    ///
    /// # Panics
    /// When there is no free port.
    #[track_caller]
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        Self::listening(listener, target, None)
    }

    /// A proxy to `127.0.0.1:target` that passes everything on, and on whose way to the clients `wire` listens.
    ///
    /// # Panics
    /// When there is no free port.
    #[track_caller]
    pub fn heard(target: u16, wire: &Wire) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        Self::listening(listener, target, Some(wire.clone()))
    }

    /// A proxy to `127.0.0.1:target` behind a narrow line: of what a client sends, hardly anything waits on the way.
    /// What makes the line slow is [`chunk`](Self::chunk) with [`delay`](Self::delay).
    ///
    /// # Panics
    /// When there is no free port.
    #[track_caller]
    pub fn narrow(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        set_socket_recv_buffer_size(&listener, 4 * 1024).expect("SO_RCVBUF");
        Self::listening(listener, target, None)
    }

    /// A [narrow](Self::narrow) line of at most 100 kB a second.
    ///
    /// # Panics
    /// When there is no free port.
    #[track_caller]
    pub fn slow(target: u16) -> Self {
        let line = Self::narrow(target);
        line.chunk(4_000);
        line.delay(Duration::from_millis(40));
        line
    }

    #[track_caller]
    fn listening(listener: TcpListener, target: u16, wire: Option<Wire>) -> Self {
        let port = listener.local_addr().expect("a local address").port();
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), wire });
        let accepting = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, target, &accepting));
        Self { port, shared, listener: Some(thread) }
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections there are, on both sides; what was held back is lost.
    pub fn cut(&self) {
        self.change(State::cut);
    }

    /// Whether new connections are accepted and closed at once.
    pub fn refuse(&self, refuse: bool) {
        self.change(|state| state.refuse = refuse);
    }

    /// Whether nothing passes either way while connections stay open, as behind a router that went away. What comes
    /// meanwhile, ends of connections too, is held back and passes, in order, afterwards; [`cut`](Self::cut) loses it.
    pub fn swallow(&self, swallow: bool) {
        self.change(|state| state.swallow = Both { to_broker: swallow, to_client: swallow });
    }

    /// [`swallow`](Self::swallow), only what goes to the client.
    pub fn swallow_to_client(&self, swallow: bool) {
        self.change(|state| state.swallow.to_client = swallow);
    }

    /// [`swallow`](Self::swallow), only what goes to the broker.
    pub fn swallow_to_broker(&self, swallow: bool) {
        self.change(|state| state.swallow.to_broker = swallow);
    }

    /// Waits so long before each write, both ways.
    pub fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Writes at most `bytes` at a time, both ways, each piece a segment of its own; 0 ends that.
    pub fn chunk(&self, bytes: usize) {
        self.change(|state| state.chunk = Some(bytes).filter(|bytes| *bytes > 0));
    }

    /// Cuts all connections once so many bytes more have passed in one of the directions, exactly so many; what
    /// connects later passes. `None` is no limit.
    pub fn cut_after(&self, bytes_to_broker: Option<u64>, bytes_to_client: Option<u64>) {
        self.change(|state| state.left = Both { to_broker: bytes_to_broker, to_client: bytes_to_client });
    }

    /// Whether the first byte of what goes to the client, of each read, is inverted: a packet's type, as a rule.
    pub fn garble(&self, garble: bool) {
        self.change(|state| state.garble = garble);
    }

    /// The connections open now.
    pub fn connections(&self) -> usize {
        self.shared.state().links.len()
    }

    /// The connections there ever were, refused ones included.
    pub fn accepted(&self) -> usize {
        self.shared.state().accepted
    }

    /// Changes the state and wakes whoever waits for it.
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|state| {
            state.stopped = true;
            state.cut();
        });
        // A connection ends the blocking accept.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.listener.take() {
            let _ = thread.join();
        }
    }
}

impl State {
    /// Closes and forgets all connections. Their threads notice: reads end, writes fail, [`Shared::gate`] says no.
    fn cut(&mut self) {
        for link in self.links.drain(..) {
            let _ = link.client.shutdown(Shutdown::Both);
            let _ = link.broker.shutdown(Shutdown::Both);
        }
    }
}

impl<T> Both<T> {
    /// The value of a direction.
    fn of(&mut self, way: Way) -> &mut T {
        match way {
            Way::ToBroker => &mut self.to_broker,
            Way::ToClient => &mut self.to_client,
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something may pass `way`, after the delay; the state, or `None` when the connection was cut.
    fn gate(&self, id: usize, way: Way) -> Option<MutexGuard<'_, State>> {
        let mut state = self.state();
        let begin = Instant::now();
        loop {
            if !state.links.iter().any(|link| link.id == id) {
                return None;
            }
            let late = begin.elapsed();
            if *state.swallow.of(way) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if late < state.delay {
                let rest = state.delay - late;
                state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
            } else {
                return Some(state);
            }
        }
    }

    /// Passes `bytes` on; `false` when the connection was cut or broke.
    fn pass(&self, id: usize, way: Way, mut bytes: &[u8], mut to: &TcpStream) -> bool {
        while !bytes.is_empty() {
            let Some(mut state) = self.gate(id, way) else {
                return false;
            };
            let mut count = state.chunk.unwrap_or(bytes.len()).min(bytes.len());
            let mut last = false;
            // Counted before the write: once the client has these bytes, the test may set another limit.
            if let Some(left) = state.left.of(way) {
                count = count.min(usize::try_from(*left).unwrap_or(count));
                *left -= count as u64;
                last = *left == 0;
            }
            if last {
                state.left = Both::default();
            }
            drop(state);

            // Before the client can answer it.
            if let (Some(wire), Way::ToClient) = (&self.wire, way) {
                wire.passed(to, &bytes[..count]);
            }
            // Not under the lock: the other side may not be reading. `cut` ends this write by its shutdown.
            if to.write_all(&bytes[..count]).is_err() {
                return false;
            }
            bytes = &bytes[count..];
            if last {
                self.state().cut();
                self.changed.notify_all();
            }
        }
        true
    }
}

/// Takes connections until the proxy is dropped, then waits for the threads of all of them.
fn accept(listener: &TcpListener, target: u16, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for client in listener.incoming() {
        let Ok(client) = client else { continue };
        let mut state = shared.state();
        if state.stopped {
            break;
        }
        state.accepted += 1;
        if state.refuse {
            continue;
        }
        // Under the lock, so that a `cut` comes before or after. A loopback address answers at once.
        let target = SocketAddr::from(([127, 0, 0, 1], target));
        let Ok(broker) = TcpStream::connect_timeout(&target, DEADLINE) else {
            continue;
        };
        let _ = client.set_nodelay(true);
        let _ = broker.set_nodelay(true);
        let id = state.accepted;
        for way in [Way::ToBroker, Way::ToClient] {
            let (from, to) = match way {
                Way::ToBroker => (&client, &broker),
                Way::ToClient => (&broker, &client),
            };
            let (from, to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
            let shared = Arc::clone(shared);
            threads.push(thread::spawn(move || pump(&shared, id, way, from, to)));
        }
        state.links.push(Link { id, client, broker, ended: 0 });
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Copies one direction until it ends; the end is passed on, the other direction lives on.
fn pump(shared: &Shared, id: usize, way: Way, mut from: TcpStream, to: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    let whole = loop {
        // No more than one write's worth is taken from a line that is slow.
        let most = shared.state().chunk.unwrap_or(buffer.len()).min(buffer.len());
        let count = match from.read(&mut buffer[..most]) {
            Ok(0) => break true,
            Ok(count) => count,
            Err(_) => break false,
        };
        let bytes = &mut buffer[..count];
        if way == Way::ToClient && shared.state().garble {
            bytes[0] = !bytes[0];
        }
        if !shared.pass(id, way, bytes, &to) {
            break false;
        }
    };
    // A swallowed direction swallows its end too; a cut connection is gone from the list.
    let Some(mut state) = shared.gate(id, way) else {
        return;
    };
    if let Some(index) = state.links.iter().position(|link| link.id == id) {
        let link = &mut state.links[index];
        link.ended += 1;
        let _ = to.shutdown(if whole { Shutdown::Write } else { Shutdown::Both });
        if !whole {
            let _ = from.shutdown(Shutdown::Both);
        }
        if link.ended == 2 {
            state.links.remove(index);
        }
    }
}
