//! The store on real files: what comes back, and what is said of damage.

use std::fs;
use std::time::Instant;

use super::*;
use crate::sync::lock;
use crate::types::{Properties, Qos};

fn message(sequence: u64, topic: &str, payload: &[u8]) -> OutgoingMessage {
    OutgoingMessage {
        topic: topic.into(),
        payload: payload.to_vec().into(),
        retain: true,
        properties: Properties::new().with_user_property("unité", "°C").with_content_type("texte"),
        ..crate::mqtt::testing::message(sequence, Qos::ExactlyOnce)
    }
}

fn open(dir: &Path) -> Result<(Store, Left)> {
    Store::open(dir, "serre 1/é")
}

/// Opens a store that must be sound.
fn sound(dir: &Path) -> (Store, Left) {
    open(dir).expect("a sound store")
}

fn problem(dir: &Path) -> String {
    open(dir).map(|_| ()).expect_err("a damaged store").to_string()
}

fn file(dir: &Path, ending: &str) -> PathBuf {
    let files = fs::read_dir(dir).expect("a directory").flatten().map(|entry| entry.path());
    files.into_iter().find(|path| path.to_string_lossy().ends_with(ending)).expect("the file")
}

/// A store left behind by a killed program: closed by nobody, with `count` messages in its write-ahead log.
fn left_behind(count: usize) -> tempfile::TempDir {
    let (live, dead) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let (store, _) = sound(live.path());
    for n in 0..count {
        store.add(&message(n as u64 + 1, &format!("t/{n}"), b"charge")).expect("room");
    }
    for entry in fs::read_dir(live.path()).expect("a directory").flatten() {
        fs::copy(entry.path(), dead.path().join(entry.file_name())).expect("a copy");
    }
    dead
}

#[test]
fn what_expires_expires_over_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = sound(dir.path());
    let (now, hour) = (Instant::now(), Duration::from_secs(3600));
    let expires = [Some(now + hour), Some(now), None];
    for (sequence, expires_at) in (1..).zip(expires) {
        store.add(&OutgoingMessage { expires_at, ..message(sequence, "t", b"") }).expect("room");
    }
    drop(store);
    let left = sound(dir.path()).1.messages;
    let now = Instant::now();
    assert_eq!([0, 1, 2].map(|place: usize| left[place].has_expired(now)), [false, true, false]);
    let at = left[0].expires_at.expect("it expires");
    // Within a millisecond of what the clocks make of it.
    assert!(at <= now + hour && at + Duration::from_secs(60) > now + hour, "{:?}", at - now);
    assert_eq!(left[2].expires_at, None);
}

#[test]
fn what_was_added_and_not_removed_comes_back_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, before) = sound(dir.path());
    assert!(before.messages.is_empty());
    for n in 0..3u8 {
        store.add(&message(u64::from(n) + 7, &format!("t/{n}"), &[n])).expect("room");
    }
    store.remove(8);
    store.session_with("broker:1883 serre 1/é");
    drop(store);
    let (_, left) = sound(dir.path());
    let seen: Vec<(u64, &str, &[u8])> =
        left.messages.iter().map(|message| (message.sequence, &*message.topic, &message.payload[..])).collect();
    assert_eq!(seen, [(7, "t/0", &[0][..]), (9, "t/2", &[2][..])]);
    let (first, wanted) = (&left.messages[0], message(7, "t/0", &[0]));
    assert_eq!((first.qos, first.retain, &first.properties), (wanted.qos, wanted.retain, &wanted.properties));
    assert_eq!((left.last_sequence, left.server.as_deref()), (9, Some("broker:1883 serre 1/é")));
}

#[test]
fn a_newer_message_takes_the_place_of_one_with_its_sequence() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = sound(dir.path());
    for payload in [b"old", b"new"] {
        store.add(&message(1, "t", payload)).expect("room");
    }
    drop(store);
    let payloads: Vec<Vec<u8>> = sound(dir.path()).1.messages.iter().map(|message| message.payload.to_vec()).collect();
    assert_eq!(payloads, [b"new"]);
}

#[test]
#[cfg(unix)]
fn the_files_are_the_users_own() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = sound(dir.path());
    store.add(&message(1, "t", b"secret")).expect("room");
    for entry in fs::read_dir(dir.path()).expect("a directory").flatten() {
        let mode = entry.metadata().expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn confirmed_messages_leave_no_room_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = sound(dir.path());
    for sequence in 1..=2000 {
        store.add(&message(sequence, "t", &[0; 1000])).expect("room");
        store.remove(sequence);
    }
    let size = |ending| fs::metadata(file(dir.path(), ending)).map_or(0, |file| file.len());
    assert!(size(".sqlite-wal") < 2 * 1024 * 1024, "{} bytes", size(".sqlite-wal"));
    drop(store);
    assert!(sound(dir.path()).1.messages.is_empty());
}

#[test]
fn what_is_confirmed_makes_room_on_a_full_disk_before_the_next_message_is_refused() {
    const PAGES: i32 = 64;
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = sound(dir.path());
    lock(&store.shared).db.pragma_update(None, "max_page_count", PAGES).expect("a limit");
    // Two at a time fit in, and no more.
    for sequence in 1..=100 {
        store.add(&message(sequence, "t", &[0; 100_000])).unwrap_or_else(|error| panic!("{sequence}: {error}"));
        store.remove(sequence);
    }
    store.add(&message(101, "t", &[0; 100_000])).expect("room");
    store.add(&message(102, "t", &[0; 100_000])).expect("room");
    let error = store.add(&message(103, "t", &[0; 100_000])).expect_err("it is full");
    assert!(error.to_string().contains("the disk is full"), "{error}");
}

#[test]
fn a_killed_program_loses_nothing() {
    let dead = left_behind(50);
    assert_eq!(sound(dead.path()).1.messages.len(), 50);
}

#[test]
fn a_store_belongs_to_one_program_at_a_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let (_store, _) = sound(dir.path());
    assert!(problem(dir.path()).contains("another program uses it"));
}

#[test]
fn damage_is_named_and_never_passed_over() {
    // The log cut short: the newest messages are gone.
    let cut = left_behind(50);
    let log = file(cut.path(), ".sqlite-wal");
    let half = fs::metadata(&log).expect("the log").len() / 2;
    File::options().write(true).open(&log).expect("the log").set_len(half).expect("cut");
    assert!(problem(cut.path()).contains("missing"), "{}", problem(cut.path()));
    // The database deleted.
    let deleted = left_behind(5);
    fs::remove_file(file(deleted.path(), ".sqlite")).expect("deleted");
    fs::remove_file(file(deleted.path(), ".sqlite-wal")).expect("deleted");
    assert!(problem(deleted.path()).contains("missing"));
    // Another file in its place.
    let foreign = tempfile::tempdir().expect("a directory");
    drop(sound(foreign.path()));
    fs::write(file(foreign.path(), ".sqlite"), vec![b'x'; 8192]).expect("written");
    assert!(problem(foreign.path()).contains("not a store"));
}

#[test]
fn every_flipped_byte_is_harmless_or_noticed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = sound(dir.path());
    let whole: Vec<OutgoingMessage> = (0..20).map(|n| message(n + 1, &format!("t/{n}"), &[b'p'; 100])).collect();
    for message in &whole {
        store.add(message).expect("room");
    }
    drop(store);
    let path = file(dir.path(), ".sqlite");
    let bytes = fs::read(&path).expect("the file");
    for place in (0..bytes.len()).step_by(37) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x40;
        fs::write(&path, &flipped).expect("written");
        if let Ok((_, Left { messages, .. })) = open(dir.path()) {
            let same = messages.iter().zip(&whole).all(|(a, b)| a.topic == b.topic && a.payload[..] == b.payload[..]);
            assert!(same && messages.len() == whole.len(), "byte {place} changed a message unnoticed");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let in_the_way = dir.path().join("file");
    fs::write(&in_the_way, "").expect("written");
    let error = Store::open(&in_the_way, "c").map(|_| ()).expect_err("a file is no directory");
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn a_full_disk_refuses_the_message_and_keeps_the_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = sound(dir.path());
    store.add(&message(1, "first", b"")).expect("room");
    // SQLite reports its own limit as it reports a full disk.
    lock(&store.shared).db.pragma_update(None, "max_page_count", 5).expect("a limit");
    let error = store.add(&message(2, "large", &[0; 100_000])).expect_err("no room");
    assert!(error.to_string().contains("disk is full"), "{error}");
    drop(store);
    assert_eq!(sound(dir.path()).1.messages.len(), 1);
}

/// A store whose files were given up, and could not be begun anew.
fn nowhere(dir: &Path) -> Store {
    let (store, _) = sound(dir);
    store.session_with("broker:1883 serre 1/é");
    store.add(&message(7, "t", b"")).expect("room");
    store.remove(7);
    store.finish_orders();
    let mut shared = lock(&store.shared);
    let path = std::mem::replace(&mut shared.path, dir.join("there is no such directory/file"));
    shared.give_up_files().and_then(|()| shared.begin()).expect_err("no directory");
    fs::remove_file(&path).expect("the files were given up");
    shared.path = path;
    drop(shared);
    store
}

#[test]
fn a_store_that_could_not_be_begun_anew_knows_what_it_knew_once_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = nowhere(dir.path());
    store.add(&message(8, "t", b"")).expect("there is room again");
    store.remove(8);
    drop(store);
    let (_, left) = sound(dir.path());
    assert_eq!((left.last_sequence, left.server.as_deref()), (8, Some("broker:1883 serre 1/é")));
}

#[test]
fn a_store_that_could_not_be_begun_anew_leaves_another_programs_messages_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = nowhere(dir.path());
    let (other, _) = sound(dir.path());
    other.add(&message(7, "other", b"")).expect("room");
    let error = store.add(&message(8, "t", b"")).expect_err("the other one has the files");
    assert!(error.to_string().contains("another program uses it"), "{error}");
    drop(other);
    let error = store.add(&message(9, "t", b"")).expect_err("the other one has left a message");
    assert!(error.to_string().contains("another program has left messages"), "{error}");
    drop(store);
    let topics: Vec<_> = sound(dir.path()).1.messages.iter().map(|message| message.topic.to_string()).collect();
    assert_eq!(topics, ["other"]);
}

#[test]
fn files_that_are_given_up_leave_no_database_without_its_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = sound(dir.path());
    let mut shared = lock(&store.shared);
    // A log that cannot be deleted stands for the end of the program before it is.
    let log = log_of(&shared.path);
    fs::remove_file(&log).expect("the log");
    fs::create_dir(&log).expect("in its place");
    shared.give_up_files().expect_err("the log cannot be deleted");
    assert!(!shared.path.exists());
}
