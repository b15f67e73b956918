//! Few threads that run the loops of many clients.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Instant;

use crate::event::WakeLoop;
use crate::sync::{lock, spawn, wait};
use crate::types::{Error, Result};

thread_local! {
    static ON_POOL: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is one of a pool's: it must not wait for callbacks that only the pool can run.
pub(super) fn is_pool_thread() -> bool {
    ON_POOL.try_with(Cell::get).unwrap_or(false)
}

/// Few threads that run the callbacks of many clients: see [`Client::loop_start_on`](crate::Client::loop_start_on).
///
/// The callbacks of one client never run at the same time, and those of different clients do as far as there are
/// threads. A callback that takes long keeps one of them. A `LoopPool` is a handle, and cheap to clone; the threads end
/// when no handle is left and no client runs on it.
///
/// ```no_run
/// # fn main() -> rappel::Result<()> {
/// use rappel as pmc;
///
/// let pool = pmc::LoopPool::new(2)?;
/// let mut capteurs = Vec::new();
/// for numero in 1..=1000 {
///     let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
///     client.on_message(move |_client, _userdata, msg| println!("{numero} : {}", msg.payload_str()));
///     client.connect("mqttbroker.lan", 1883)?;
///     client.subscribe(format!("capteurs/{numero}"), 0)?;
///     client.loop_start_on(&pool)?;
///     capteurs.push(client);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LoopPool(Arc<Handle>);

impl LoopPool {
    /// A pool of so many threads, at least one.
    ///
    /// ```
    /// # fn main() -> rappel::Result<()> {
    /// let pool = rappel::LoopPool::new(2)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Engine`] when no thread can be started.
    pub fn new(threads: usize) -> Result<LoopPool> {
        let pool = LoopPool(Arc::new(Handle(Arc::new(Shared::default()))));
        for _ in 0..threads.max(1) {
            let shared = Arc::clone(&pool.0.0);
            let started = spawn("rappel-pool", Box::new(move || shared.serve()));
            // Those that have started end with the pool.
            started.map_err(|error| Error::Engine { problem: format!("no thread could be started: {error}") })?;
        }
        Ok(pool)
    }

    /// Gives a client a place, which is woken once.
    pub(crate) fn add(&self, client: Weak<dyn PooledLoop>) -> Arc<dyn WakeLoop> {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Arc::new_cyclic(|itself| Seat {
            id,
            itself: Weak::clone(itself),
            state: AtomicU8::new(IDLE),
            client,
            pool: Arc::clone(&self.0),
        })
    }
}

impl std::fmt::Debug for LoopPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoopPool").finish_non_exhaustive()
    }
}

/// A client's loop, as a pool runs it.
pub(crate) trait PooledLoop: Send + Sync {
    /// Runs what is due, without waiting.
    fn run_pooled(self: Arc<Self>) -> Next;
}

/// When a client's loop is to be run again.
pub(crate) enum Next {
    /// When the others have had their turn.
    Again,
    /// When it is woken, or at that time.
    Wait(Option<Instant>),
    /// Never.
    Ended,
}

/// Held by everybody who may still need the threads.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        lock(&self.0.queue).closed = true;
        self.0.changed.notify_all();
    }
}

/// What the threads share.
#[derive(Default)]
struct Shared {
    queue: Mutex<RunQueue>,
    changed: Condvar,
}

#[derive(Default)]
struct RunQueue {
    ready: VecDeque<Arc<Seat>>,
    /// Those that are to be woken at a time. One that was woken before is woken again for nothing.
    due: BTreeMap<(Instant, usize), Weak<Seat>>,
    /// Threads that wait. Waking costs a system call, also when there are none.
    idle: usize,
    closed: bool,
}

/// Nothing is due.
const IDLE: u8 = 0;
/// It stands in the queue.
const QUEUED: u8 = 1;
/// A thread runs it.
const RUNNING: u8 = 2;
/// A thread runs it, and it was woken meanwhile.
const WOKEN: u8 = 3;
/// The client has left.
const LEFT: u8 = 4;

/// A client's place in a pool.
struct Seat {
    id: usize,
    itself: Weak<Seat>,
    state: AtomicU8,
    client: Weak<dyn PooledLoop>,
    pool: Arc<Handle>,
}

impl WakeLoop for Seat {
    fn wake(&self) {
        let mut state = self.state.load(Ordering::SeqCst);
        loop {
            let next = match state {
                IDLE => QUEUED,
                RUNNING => WOKEN,
                _ => return,
            };
            match self.state.compare_exchange_weak(state, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        if state == IDLE
            && let Some(seat) = self.itself.upgrade()
        {
            self.pool.0.push(seat);
        }
    }
}

impl Shared {
    fn push(&self, seat: Arc<Seat>) {
        let mut queue = lock(&self.queue);
        queue.ready.push_back(seat);
        let is_awaited = queue.idle > 0;
        drop(queue);
        if is_awaited {
            self.changed.notify_one();
        }
    }

    /// What a thread of the pool does.
    fn serve(&self) {
        ON_POOL.with(|on_pool| on_pool.set(true));
        while let Some(seat) = self.next() {
            self.run(seat);
        }
    }

    /// The next client that has something to do, waited for; `None` when the pool is closed.
    fn next(&self) -> Option<Arc<Seat>> {
        let mut queue = lock(&self.queue);
        loop {
            let now = Instant::now();
            let mut woken = Vec::new();
            while let Some(entry) = queue.due.first_entry().filter(|entry| entry.key().0 <= now) {
                woken.extend(entry.remove().upgrade());
            }
            if !woken.is_empty() {
                drop(queue);
                woken.iter().for_each(|seat| seat.wake());
                drop(woken);
                queue = lock(&self.queue);
                continue;
            }
            if let Some(seat) = queue.ready.pop_front() {
                return Some(seat);
            }
            if queue.closed {
                return None;
            }
            let until = queue.due.first_key_value().map(|((at, _), _)| *at);
            queue.idle += 1;
            queue = wait(&self.changed, queue, until);
            queue.idle -= 1;
        }
    }

    fn run(&self, seat: Arc<Seat>) {
        seat.state.store(RUNNING, Ordering::SeqCst);
        let next = seat.client.upgrade().map_or(Next::Ended, PooledLoop::run_pooled);
        match next {
            Next::Ended => seat.state.store(LEFT, Ordering::SeqCst),
            Next::Again => {
                seat.state.store(QUEUED, Ordering::SeqCst);
                self.push(seat);
            }
            Next::Wait(due) => {
                if let Some(at) = due {
                    lock(&self.queue).due.insert((at, seat.id), Arc::downgrade(&seat));
                    // Another thread may be waiting for a later time.
                    self.changed.notify_one();
                }
                if seat.state.compare_exchange(RUNNING, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                    seat.state.store(QUEUED, Ordering::SeqCst);
                    self.push(seat);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::{Sender, channel};
    use std::thread;
    use std::time::Duration;

    /// Tells of each run, and says what `next` says.
    struct Told {
        tell: Mutex<Sender<usize>>,
        runs: AtomicUsize,
        running: AtomicBool,
        next: fn(usize) -> Next,
    }

    impl PooledLoop for Told {
        fn run_pooled(self: Arc<Self>) -> Next {
            assert!(!self.running.swap(true, Ordering::SeqCst), "two threads run one client");
            let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
            let next = (self.next)(run);
            self.running.store(false, Ordering::SeqCst);
            let _ = lock(&self.tell).send(run);
            next
        }
    }

    fn told(next: fn(usize) -> Next) -> (Arc<Told>, std::sync::mpsc::Receiver<usize>) {
        let (tell, heard) = channel();
        let runs = AtomicUsize::new(0);
        (Arc::new(Told { tell: Mutex::new(tell), runs, running: AtomicBool::new(false), next }), heard)
    }

    fn weak(told: &Arc<Told>) -> Weak<dyn PooledLoop> {
        let weak: Weak<Told> = Arc::downgrade(told);
        weak
    }

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn a_client_runs_when_it_is_woken_again_when_it_asks_and_when_its_time_comes() -> Result<()> {
        let pool = LoopPool::new(2)?;
        let (client, heard) = told(|run| match run {
            1 => Next::Again,
            2 => Next::Wait(Some(Instant::now() + Duration::from_millis(20))),
            _ => Next::Wait(None),
        });
        let seat = pool.add(weak(&client));
        seat.wake();
        assert_eq!([(); 3].map(|()| heard.recv_timeout(SOON)), [Ok(1), Ok(2), Ok(3)]);
        seat.wake();
        assert_eq!(heard.recv_timeout(SOON), Ok(4));
        Ok(())
    }

    #[test]
    fn no_wake_is_lost_and_no_client_runs_twice_at_a_time() -> Result<()> {
        let pool = LoopPool::new(4)?;
        let (client, _heard) = told(|_| Next::Wait(None));
        let seat = pool.add(weak(&client));
        for round in 0..1000 {
            let before = client.runs.load(Ordering::SeqCst);
            seat.wake();
            let begin = Instant::now();
            while client.runs.load(Ordering::SeqCst) == before {
                assert!(begin.elapsed() < SOON, "round {round}: not run");
                thread::yield_now();
            }
        }
        Ok(())
    }

    #[test]
    fn the_threads_end_with_the_last_handle_and_client() -> Result<()> {
        let pool = LoopPool::new(2)?;
        let shared = Arc::downgrade(&pool.0.0);
        let (client, heard) = told(|_| Next::Ended);
        let seat = pool.add(weak(&client));
        drop(pool);
        seat.wake();
        assert_eq!(heard.recv_timeout(SOON), Ok(1), "a client keeps the pool going");
        drop(seat);
        let begin = Instant::now();
        while shared.strong_count() > 0 {
            assert!(begin.elapsed() < SOON, "the threads go on");
            thread::yield_now();
        }
        Ok(())
    }
}
