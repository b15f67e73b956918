//! The engine, with Paho, between an outbox and an event queue.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::{fs, thread};

use mio::{Events, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::door::Door;
use super::testing::{Publisher, marker, message, next};
use super::unix_door::UnixDoor;
use super::*;

/// As long as nothing is wrong, no test comes near it.
const LIMIT: Duration = Duration::from_secs(60);

/// One life of an engine, with this thread as the network's.
struct Life {
    engine: Box<dyn Engine>,
    intake: Arc<dyn Intake>,
    publisher: Arc<Publisher>,
    queue: Arc<EventQueue>,
    poll: Poll,
}

impl Life {
    fn start() -> Result<Life> {
        Self::with(Arc::default())
    }

    fn with(publisher: Arc<Publisher>) -> Result<Life> {
        let queue = Arc::new(EventQueue::default());
        let (mut engine, intake) = super::start(&publisher.outbox, &queue)?;
        let poll = Poll::new().expect("a poll");
        engine.register(poll.registry(), Token(0)).expect("the room is registered");
        Ok(Life { engine, intake, publisher, queue, poll })
    }

    fn publish(&self, topic: &str) -> u64 {
        let sequence = self.publisher.publish(topic);
        self.intake.accepted();
        sequence
    }

    /// Publishes `count` messages. Returns the last sequence there is.
    fn publish_many(&self, count: u64) -> u64 {
        (0..count).fold(0, |_, _| self.publish("a"))
    }

    /// Serves the room until `done`.
    fn until(&mut self, mut done: impl FnMut(&mut Life) -> bool) {
        let mut events = Events::with_capacity(4);
        let deadline = Instant::now() + LIMIT;
        while !done(self) {
            assert!(Instant::now() < deadline, "left behind at {}", self.engine.collectable());
            // Short, for what `done` sees is not the room's alone.
            self.poll.poll(&mut events, Some(Duration::from_millis(5))).expect("polled");
            if !events.is_empty() {
                self.engine.ready();
            }
        }
    }

    fn until_collectable(&mut self, sequence: u64) {
        self.until(|life| life.engine.collectable() >= sequence);
    }

    /// The next `count` events that come out.
    fn events(&mut self, count: usize) -> Vec<u64> {
        let mut seen = Vec::new();
        self.until(|life| {
            seen.extend(std::iter::from_fn(|| next(&life.queue)));
            seen.len() >= count
        });
        seen
    }
}

/// Runs `test`, which is called `name`, in a process of its own, with `environment`.
fn alone(name: &str, environment: &[(&str, &OsStr)], test: impl FnOnce()) {
    const ALONE: &str = "RAPPEL_TEST_ALONE";
    if env::var_os(ALONE).is_some() {
        return test();
    }
    let test = format!("engine::paho::tests::{name}");
    let ran = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", &test, "--nocapture"])
        .env(ALONE, "1")
        .envs(environment.iter().copied())
        .output()
        .expect("a process for the test");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

/// Descriptors and threads of this process.
#[cfg(target_os = "linux")]
fn resources() -> (usize, usize) {
    let count = |what: &str| fs::read_dir(Path::new("/proc/self").join(what)).map_or(0, Iterator::count);
    (count("fd"), count("task"))
}

/// Waits until descriptors and threads are as many as they were.
#[cfg(target_os = "linux")]
fn await_resources(before: (usize, usize)) {
    let deadline = Instant::now() + LIMIT;
    while resources() != before {
        assert!(Instant::now() < deadline, "{:?} instead of {before:?}", resources());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_message_is_collectable_when_it_has_passed_paho() -> Result<()> {
    let mut life = Life::start()?;
    assert_eq!(life.engine.collectable(), 0);
    for _ in 0..1000 {
        let sequence = life.publish("a/b");
        life.until_collectable(sequence);
        assert_eq!(life.engine.collectable(), sequence);
    }
    Ok(())
}

#[test]
fn what_was_accepted_before_the_start_passes_too() -> Result<()> {
    let publisher = Arc::new(Publisher::default());
    let last = (0..500).fold(0, |_, _| publisher.publish("a"));
    let mut life = Life::with(publisher)?;
    life.until_collectable(last);
    Ok(())
}

#[test]
fn no_message_is_left_behind_whoever_publishes() -> Result<()> {
    // Bursts of all lengths around the window's, and after each the publisher waits until all is collected, so that the
    // last message of a burst often is the last for a while.
    let rounds = if env::var_os("RAPPEL_SOAK").is_some() { 2000 } else { 100 };
    let mut life = Life::start()?;
    for publishers in [1, 4] {
        for round in 0..rounds {
            thread::scope(|scope| {
                for publisher in 0..publishers {
                    let (source, intake) = (&life.publisher, &life.intake);
                    scope.spawn(move || {
                        for _ in 0..(round * 7 + publisher * 13) % 150 + 1 {
                            source.publish("house/kitchen/temperature");
                            intake.accepted();
                        }
                    });
                }
            });
            let last = life.publish("last");
            life.until_collectable(last);
            life.publisher.outbox.abandon();
        }
    }
    Ok(())
}

#[test]
fn publishers_and_the_network_do_not_wait_for_each_other() -> Result<()> {
    let count = if env::var_os("RAPPEL_SOAK").is_some() { 250_000 } else { 10_000 };
    let mut life = Life::start()?;
    thread::scope(|scope| {
        for _ in 0..4 {
            let (source, intake) = (Arc::clone(&life.publisher), Arc::clone(&life.intake));
            scope.spawn(move || {
                for _ in 0..count {
                    source.publish("house/kitchen/temperature");
                    intake.accepted();
                }
            });
        }
        let mut before = 0;
        life.until(|life| {
            let now = life.engine.collectable();
            assert!(now >= before, "{now} after {before}");
            before = now;
            now == 4 * count
        });
    });
    Ok(())
}

#[test]
fn topics_of_any_length_and_letter_pass() -> Result<()> {
    let mut life = Life::start()?;
    for _ in 0..20 {
        life.publish(&"x".repeat(65_535));
        life.publish(&"y".repeat(4000));
        life.publish("z");
    }
    let letters = ('\u{1}'..=char::MAX).filter(|letter| !matches!(letter, '+' | '#')).collect::<Vec<char>>();
    for some in letters.chunks(10_000) {
        life.publish(&some.iter().collect::<String>());
    }
    let last = life.publish("last");
    life.until_collectable(last);
    assert_ne!(life.engine.collectable(), WITHOUT_PAHO);
    Ok(())
}

#[test]
fn events_come_out_in_the_order_of_the_wire() -> Result<()> {
    let mut life = Life::start()?;
    let mut expected = Vec::new();
    for round in 0..300_u64 {
        let mut batch = Vec::new();
        for number in 0..round % 40 {
            let number = round * 100 + number;
            expected.push(number);
            batch.push(if number % 3 == 0 { marker(number) } else { message(number) });
        }
        life.engine.deliver(&mut batch);
        assert!(batch.is_empty());
    }
    assert_eq!(life.events(expected.len()), expected);
    Ok(())
}

#[test]
fn what_no_message_goes_before_does_not_pass_paho() -> Result<()> {
    let mut life = Life::start()?;
    life.engine.deliver(&mut vec![marker(1), marker(2), message(3)]);
    let seen: Vec<u64> = std::iter::from_fn(|| next(&life.queue)).take(2).collect();
    assert_eq!(seen, [1, 2]);
    assert_eq!(life.events(1), [3]);
    Ok(())
}

#[test]
fn a_flood_inwards_leaves_room_for_messages_outwards() -> Result<()> {
    let mut life = Life::start()?;
    let flood: Vec<u64> = (1..=50_000).collect();
    life.engine.deliver(&mut flood.iter().copied().map(message).collect());
    let last = life.publish_many(2000);
    life.until_collectable(last);
    assert_eq!(life.events(flood.len()), flood);
    Ok(())
}

/// Has Paho leave the room.
fn lose_paho(pump: &Pump) {
    drop(pump.close().expect("Paho is there"));
}

#[test]
fn without_paho_everything_goes_on() -> Result<()> {
    let (publisher, queue) = (Arc::new(Publisher::default()), Arc::new(EventQueue::default()));
    let (pump, transit) = (Pump::new(), Arc::new(Transit::new(Arc::clone(&queue))));
    let room = enter(&pump, &transit, &publisher.outbox)?;
    let mut engine = Box::new(Paho { room, pump: Arc::clone(&pump), transit, collectable: 0 });
    let poll = Poll::new().expect("a poll");
    engine.register(poll.registry(), Token(0)).expect("registered");
    lose_paho(&pump);
    // Accepted, and on their way in, when nobody knows yet.
    publisher.publish("a");
    assert!(!pump.accepted());
    engine.deliver(&mut vec![message(1), marker(2)]);
    let mut life = Life { engine, intake: pump, publisher, queue, poll };
    life.until_collectable(1);
    assert_eq!(life.engine.collectable(), WITHOUT_PAHO);
    assert_eq!(life.events(2), [1, 2]);
    // And afterwards.
    assert!(life.intake.accepted(), "the network's thread is to collect");
    life.engine.deliver(&mut vec![message(3), marker(4)]);
    assert_eq!(life.events(2), [3, 4]);
    Ok(())
}

#[test]
fn an_engine_that_is_dropped_lets_out_what_has_arrived() -> Result<()> {
    let mut life = Life::start()?;
    life.engine.deliver(&mut (1..=100).map(message).collect());
    let Life { engine, queue, .. } = life;
    drop(engine);
    assert!(std::iter::from_fn(|| next(&queue)).eq(1..=100));
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn lives_leave_nothing_behind() {
    alone("lives_leave_nothing_behind", &[], || {
        drop(Life::start().expect("a first life"));
        thread::sleep(Duration::from_millis(100));
        let before = resources();
        let (_, threads) = before;
        // The test's two and Paho's two.
        assert!(threads <= 4, "{threads} threads");
        for round in 0..200 {
            let mut life = Life::start().expect("a life");
            let last = life.publish_many(round);
            // Some end with messages still on their way, both ways.
            if round % 2 == 0 {
                life.until_collectable(last);
            }
            life.engine.deliver(&mut (0..round).map(message).collect());
        }
        await_resources(before);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_start_without_descriptors_fails_and_the_next_one_works() {
    alone("a_start_without_descriptors_fails_and_the_next_one_works", &[], || {
        let ample = getrlimit(Resource::Nofile);
        let before = resources();
        for scarce in 0..12 {
            let limit = Rlimit { current: Some((before.0 + scarce) as u64), maximum: ample.maximum };
            setrlimit(Resource::Nofile, limit).expect("a limit");
            let started = start(&Publisher::default().outbox, &Arc::default());
            setrlimit(Resource::Nofile, ample).expect("no limit");
            match started {
                Err(error) => assert!(error.to_string().contains("Too many open files"), "{error}"),
                Ok(_) => assert!(scarce > 4, "{scarce} descriptors are enough?"),
            }
        }
        let mut life = Life::start().expect("enough descriptors");
        let sequence = life.publish("a");
        life.until_collectable(sequence);
        assert_ne!(life.engine.collectable(), WITHOUT_PAHO);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_start_without_threads_fails_and_the_next_one_works() {
    alone("a_start_without_threads_fails_and_the_next_one_works", &[], || {
        let ample = getrlimit(Resource::As);
        // No room for the stack of a thread.
        let pages = fs::read_to_string("/proc/self/statm").expect("the size of this process");
        let size = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096;
        let scarce = Rlimit { current: Some(size + (4 << 20)), maximum: ample.maximum };
        setrlimit(Resource::As, scarce).expect("a limit");
        let failed = start(&Publisher::default().outbox, &Arc::default());
        setrlimit(Resource::As, ample).expect("no limit");
        let error = failed.err().expect("no threads for Paho");
        assert!(error.to_string().contains("threads cannot be started"), "{error}");
        let mut life = Life::start().expect("room for threads");
        let sequence = life.publish("a");
        life.until_collectable(sequence);
        assert_ne!(life.engine.collectable(), WITHOUT_PAHO);
    });
}

/// A directory whose name is too long for the address of a Unix socket in it.
fn deep() -> tempfile::TempDir {
    tempfile::Builder::new().prefix(&"deep".repeat(30)).tempdir().expect("a directory")
}

#[test]
fn the_room_is_private_and_leaves_no_file() {
    for directory in [tempfile::tempdir().expect("a directory"), deep()] {
        alone("the_room_is_private_and_leaves_no_file", &[("TMPDIR", directory.path().as_os_str())], || {
            let rooms = || {
                let entries = fs::read_dir(env::temp_dir()).expect("the directory").flatten();
                entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("rappel-")).collect::<Vec<_>>()
            };
            let door = Door::open().expect("a door");
            assert!(door.uri().is_ok_and(|uri| uri.starts_with("unix:///")));
            let modes: Vec<u32> =
                rooms().iter().filter_map(|room| room.metadata().ok()).map(|room| room.mode() & 0o777).collect();
            assert_eq!(modes, [0o700]);
            drop(door);
            let mut life = Life::start().expect("a life");
            let sequence = life.publish("a");
            life.until_collectable(sequence);
            assert!(rooms().is_empty(), "{:?}", rooms());
        });
    }
}

#[test]
#[cfg(target_os = "linux")]
fn another_process_is_not_let_in() {
    const DOOR: &str = "RAPPEL_TEST_DOOR";
    if let Some(path) = env::var_os(DOOR) {
        UnixStream::connect(path).expect("the door is open");
        return;
    }
    let door = UnixDoor::open().expect("a door");
    let uri = door.uri();
    let path = uri.strip_prefix("unix://").expect("a path");
    let visitor = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "engine::paho::tests::another_process_is_not_let_in"])
        .env(DOOR, path)
        .status();
    assert!(visitor.is_ok_and(|status| status.success()));
    assert!(matches!(door.accept(), Ok(None)));
    let _own = UnixStream::connect(path).expect("the door is open");
    assert!(matches!(door.accept(), Ok(Some(_))));
    assert!(door.accept().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
}

#[test]
fn without_a_temporary_directory_the_room_is_a_port() {
    alone("without_a_temporary_directory_the_room_is_a_port", &[("TMPDIR", "/nowhere".as_ref())], || {
        let mut life = Life::start().expect("a life");
        let last = life.publish_many(2000);
        life.engine.deliver(&mut (1..=2000).map(message).collect());
        life.until_collectable(last);
        assert_ne!(life.engine.collectable(), WITHOUT_PAHO);
        assert!(life.events(2000).into_iter().eq(1..=2000));
    });
}
