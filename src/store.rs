//! Keeps what `publish` accepted beyond the end of the program, in one SQLite file per client id.
//!
//! A message is written under its sequence before `publish` returns, and removed some time after its confirmation, on a
//! thread of the store's own. Writes reach the operating system before `publish` returns, so they survive the death of the
//! program; after a power cut the newest may be missing, and then the next start says so.

mod files;
mod record;

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::mqtt::{OutgoingMessage, ServerId};
use crate::outbox::Persistence;
use crate::sync::{lock, spawn};
use crate::types::{Error, Result};
use files::{create_private, delete, log_of, open_private, provide_private};
use record::{Row, file_name};

/// Marks a file as ours: "rapl".
const APPLICATION_ID: i32 = 0x7261_706c;
/// How long another program may hold the file before it counts as in use.
const BUSY: Duration = Duration::from_millis(200);
/// Removals in one transaction.
const BATCH: usize = 1000;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS messages (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    keep_latest INTEGER NOT NULL,
    properties BLOB NOT NULL,
    expires INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS session (id INTEGER PRIMARY KEY CHECK (id = 1), server TEXT NOT NULL)";

/// Pages of the write-ahead log after which it is written back: small, as the log grows beside the database.
const CHECKPOINT_PAGES: i32 = 64;
/// Bytes that the write-ahead log keeps once it has been written back.
const LOG_KEPT: i32 = 256 * 1024;

/// The store of one client id.
pub(crate) struct Store {
    path: PathBuf,
    shared: Arc<Mutex<Shared>>,
    orders: Option<Sender<Order>>,
    worker: Option<JoinHandle<()>>,
}

struct Shared {
    path: PathBuf,
    db: Connection,
    /// Keys of confirmed messages that could not be removed yet.
    confirmed: HashSet<i64>,
    /// The highest key ever stored.
    last: i64,
    /// The broker with the session in which messages were sent.
    server: Option<ServerId>,
    /// Holds the newest key outside the database, so that a database that lost its end is recognised.
    newest: File,
}

/// What an earlier program has left.
#[derive(Debug)]
pub(crate) struct Left {
    /// Unconfirmed messages, in the order of their acceptance.
    pub(crate) messages: Vec<OutgoingMessage>,
    /// The highest sequence ever stored.
    pub(crate) last_sequence: u64,
    /// The broker with the session in which messages were sent.
    pub(crate) server: Option<ServerId>,
}

impl Store {
    /// Opens or creates the store of `client_id` in `dir`, and reads what an earlier program left unconfirmed.
    pub(crate) fn open(dir: &Path, client_id: &str) -> Result<(Store, Left)> {
        create_private(dir).map_err(|error| failure(dir, &error))?;
        let path = dir.join(file_name(client_id));
        let newest_path = path.with_extension("newest");
        let mut newest = open_private(&newest_path).map_err(|error| failure(&newest_path, &error))?;
        // SQLite gives its other files the rights of this one.
        provide_private(&path).map_err(|error| failure(&path, &error))?;
        let db = open_database(&path).map_err(|error| explain(&path, &error))?;
        let left = Left {
            messages: read_all(&db, &path)?,
            last_sequence: check_newest(&db, &mut newest, &path)?,
            server: read_server(&db).map_err(|error| explain(&path, &error))?,
        };
        let (last, server) = (record::key(left.last_sequence), left.server.clone());
        let shared = Shared { path: path.clone(), db, confirmed: HashSet::new(), last, server, newest };
        let shared = Arc::new(Mutex::new(shared));
        let (orders, their_orders) = mpsc::channel();
        let theirs = Arc::clone(&shared);
        let worker = spawn("rappel-store", Box::new(move || work_off(&theirs, &their_orders)))
            .map_err(|error| failure(&path, &error))?;
        Ok((Store { path, shared, orders: Some(orders), worker: Some(worker) }, left))
    }

    /// Waits until the thread has done what it was told.
    fn finish_orders(&self) {
        let (mark, done) = mpsc::channel::<()>();
        if let Some(orders) = &self.orders {
            // Nothing is ever sent: the end of the mark is the answer.
            let _ = orders.send(Order::Mark(mark));
            let _ = done.recv();
        }
    }
}

impl Persistence for Store {
    fn add(&self, message: &OutgoingMessage) -> Result<()> {
        let (key, row) = (record::key(message.sequence), Row::of(message));
        let mut added = lock(&self.shared).add(key, &row);
        if added.is_err() {
            // What has been confirmed in the meantime may make room.
            self.finish_orders();
            added = lock(&self.shared).add(key, &row);
        }
        if let Err(error) = added {
            let mut shared = lock(&self.shared);
            shared.make_room(&error)?;
            shared.add(key, &row).map_err(|_| explain(&self.path, &error))?;
        }
        // Should this fail, the mark is too low, which only makes it less sharp.
        if let Err(error) = lock(&self.shared).mark(key) {
            log::warn!("{}: the newest message's number could not be noted: {error}", self.path.display());
        }
        Ok(())
    }

    fn remove(&self, sequence: u64) {
        if let Some(orders) = &self.orders {
            // The thread ends only after this end of the channel.
            let _ = orders.send(Order::Remove(record::key(sequence)));
        }
    }

    fn session_with(&self, server: &str) {
        if let Some(orders) = &self.orders {
            // As above.
            let _ = orders.send(Order::SessionWith(server.to_owned()));
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Shared {
    fn add(&mut self, key: i64, row: &Row<'_>) -> rusqlite::Result<()> {
        let mut insert = self.db.prepare_cached(
            "INSERT OR REPLACE INTO messages (key, topic, payload, qos, retain, keep_latest, properties, expires, checksum) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let (payload, checksum) = (row.payload, row.checksum());
        insert.execute(params![
            key,
            row.topic,
            payload,
            row.qos,
            row.retain,
            row.keep_latest,
            row.properties,
            row.expires,
            checksum
        ])?;
        self.last = self.last.max(key);
        Ok(())
    }

    fn session_with(&mut self, server: ServerId) -> rusqlite::Result<()> {
        let noted = note_server(&self.db, &server);
        self.server = Some(server);
        noted
    }

    fn mark(&mut self, key: i64) -> std::io::Result<()> {
        self.newest.rewind()?;
        self.newest.write_all(&key.to_le_bytes())
    }

    /// Removes the messages that are confirmed.
    fn remove_confirmed(&mut self) -> rusqlite::Result<()> {
        let transaction = self.db.transaction()?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM messages WHERE key = ?1")?;
            for key in &self.confirmed {
                delete.execute([key])?;
            }
        }
        transaction.commit()?;
        self.confirmed.clear();
        Ok(())
    }

    /// Makes what room there is to be had on a full disk, of which `error` tells. A removal is written too, and a log that cannot
    /// be written back into the database stays: neither gets out of that by itself, but files without an unconfirmed message can
    /// be begun anew.
    fn make_room(&mut self, error: &rusqlite::Error) -> Result<()> {
        if self.is_nowhere() {
            return self.begin();
        }
        let _ = self.remove_confirmed();
        // A file that cannot be written further is one error where the disk is full, and another where files have a limit.
        let is_full = matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure));
        if !is_full || self.has_unconfirmed(&self.db).unwrap_or(true) {
            return Ok(());
        }
        self.give_up_files()?;
        self.begin()
    }

    /// Whether `db` has a message that is not confirmed.
    fn has_unconfirmed(&self, db: &Connection) -> rusqlite::Result<bool> {
        let mut select = db.prepare("SELECT key FROM messages ORDER BY key")?;
        for key in select.query_map([], |row| row.get(0))? {
            if !self.confirmed.contains(&key?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether there is no file, as the last beginning has failed.
    fn is_nowhere(&self) -> bool {
        self.db.path().is_none_or(str::is_empty)
    }

    /// Deletes the files. Until there are files again, whatever is to be stored is refused.
    fn give_up_files(&mut self) -> Result<()> {
        let nowhere = Connection::open_in_memory().map_err(|error| explain(&self.path, &error))?;
        drop(std::mem::replace(&mut self.db, nowhere));
        // The note first, as it must not be of more than there is.
        self.mark(0).map_err(|error| failure(&self.path, &error))?;
        // A database without its log could be an older one, or a broken one; a log without its database is ignored.
        delete(&self.path)?;
        self.confirmed.clear();
        delete(&log_of(&self.path))
    }

    /// Opens files where there are none. Other programs may have been there since they were given up, so nothing is deleted.
    fn begin(&mut self) -> Result<()> {
        provide_private(&self.path).map_err(|error| failure(&self.path, &error))?;
        let db = open_database(&self.path).map_err(|error| explain(&self.path, &error))?;
        if self.has_unconfirmed(&db).map_err(|error| explain(&self.path, &error))? {
            return Err(failure(
                &self.path,
                &"another program has left messages in it: give each program its own client id",
            ));
        }
        self.continue_in(&db).map_err(|error| explain(&self.path, &error))?;
        self.db = db;
        Ok(())
    }

    /// Has a new database know what the old one knew beside its messages.
    fn continue_in(&self, db: &Connection) -> rusqlite::Result<()> {
        if db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'messages'", [self.last])? == 0 {
            db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('messages', ?1)", [self.last])?;
        }
        self.server.as_ref().map_or(Ok(()), |server| note_server(db, server))
    }
}

/// What the store's own thread is to do.
#[derive(Debug)]
enum Order {
    Remove(i64),
    SessionWith(ServerId),
    /// Dropped once all orders before it are done, which its other end hears of.
    Mark(Sender<()>),
}

/// The thread's life: takes what there is, until the store is dropped.
fn work_off(shared: &Mutex<Shared>, orders: &Receiver<Order>) {
    while let Ok(first) = orders.recv() {
        let (mut keys, mut server, mut marks) = (Vec::new(), None, Vec::new());
        for order in std::iter::once(first).chain(orders.try_iter().take(BATCH - 1)) {
            match order {
                Order::Remove(key) => keys.push(key),
                Order::SessionWith(name) => server = Some(name),
                Order::Mark(mark) => marks.push(mark),
            }
        }
        if let Some(server) = server
            && let Err(error) = lock(shared).session_with(server)
        {
            log::warn!("the store could not note whose session it belongs to: {error}");
        }
        if !keys.is_empty() {
            remove(&mut lock(shared), keys);
        }
        drop(marks);
    }
}

/// Removes confirmed messages, and those before that could not be.
fn remove(shared: &mut Shared, keys: Vec<i64>) {
    let is_first = shared.confirmed.is_empty();
    shared.confirmed.extend(keys);
    let Err(error) = shared.remove_confirmed() else {
        return;
    };
    if let Err(error) = shared.make_room(&error) {
        log::debug!("the store cannot be begun anew: {error}");
    }
    if is_first && !shared.confirmed.is_empty() {
        log::warn!(
            "{} confirmed message(s) could not be removed from the store yet; should the program be killed now, the next start \
             would send them again: {error}",
            shared.confirmed.len()
        );
    }
}

fn open_database(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY)?;
    // One program at a time, and no fsync for each message: a killed program loses nothing by it.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    let id: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if id != APPLICATION_ID && tables > 0 {
        return Err(rusqlite::Error::InvalidQuery);
    }
    if id != APPLICATION_ID {
        db.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    let verdict: String = db.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(code, Some(verdict)));
    }
    db.execute_batch(SCHEMA)?;
    Ok(db)
}

/// What is unconfirmed, in the order of its acceptance.
fn read_all(db: &Connection, path: &Path) -> Result<Vec<OutgoingMessage>> {
    let read = || -> rusqlite::Result<Vec<Result<OutgoingMessage>>> {
        let mut select = db.prepare(
            "SELECT key, topic, payload, qos, retain, keep_latest, properties, expires, checksum FROM messages \
             ORDER BY key",
        )?;
        let rows = select.query_map([], |row| {
            let (topic, payload): (String, Vec<u8>) = (row.get(1)?, row.get(2)?);
            let read = Row {
                topic: &topic,
                payload: &payload,
                qos: row.get(3)?,
                retain: row.get(4)?,
                keep_latest: row.get(5)?,
                properties: row.get(6)?,
                expires: row.get(7)?,
            };
            Ok(record::message(row.get(0)?, &read, row.get(8)?))
        })?;
        rows.map(|row| row.map(|message| message.map_err(|problem| broken(path, problem)))).collect()
    };
    read().map_err(|error| explain(path, &error))?.into_iter().collect()
}

/// Compares the database's newest key with the one noted beside it, and gives it.
fn check_newest(db: &Connection, newest: &mut File, path: &Path) -> Result<u64> {
    let mut noted = [0; 8];
    let noted = match newest.read_exact(&mut noted) {
        Ok(()) => i64::from_le_bytes(noted),
        // A new store, or one whose note never came to be written.
        Err(_) => 0,
    };
    let known = last_key(db).map_err(|error| explain(path, &error))?;
    if noted > known {
        return Err(broken(path, "its newest messages are missing"));
    }
    Ok(u64::try_from(known).unwrap_or(0))
}

/// The highest key ever given.
fn last_key(db: &Connection) -> rusqlite::Result<i64> {
    let last = db.query_row("SELECT seq FROM sqlite_sequence WHERE name = 'messages'", [], |row| row.get(0));
    Ok(last.optional()?.unwrap_or(0))
}

fn note_server(db: &Connection, server: &str) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO session (id, server) VALUES (1, ?1)", [server])?;
    Ok(())
}

fn read_server(db: &Connection) -> rusqlite::Result<Option<ServerId>> {
    db.query_row("SELECT server FROM session", [], |row| row.get(0)).optional()
}

fn failure(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Storage { dir: path.to_owned(), problem: error.to_string() }
}

fn broken(path: &Path, problem: &str) -> Error {
    let problem = format!("the store is damaged: {problem}; move its files away to start with an empty one");
    Error::Storage { dir: path.to_owned(), problem }
}

fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    let problem = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => return broken(path, &error.to_string()),
        Some(ErrorCode::NotADatabase) => return broken(path, "the file is not a store"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program uses it: give each program its own client id".to_owned()
        }
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        Some(ErrorCode::ReadOnly) => "it cannot be written: check the rights on the directory".to_owned(),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "it cannot be opened: check that the directory exists and may be written".to_owned()
        }
        None if matches!(error, rusqlite::Error::InvalidQuery) => return broken(path, "the file is another program's"),
        _ => error.to_string(),
    };
    Error::Storage { dir: path.to_owned(), problem }
}

#[cfg(test)]
#[path = "store/tests.rs"]
mod tests;
