//! Keeps what `publish` accepted beyond the end of the program, in one SQLite file per client id.
//!
//! A message is written before `publish` returns, and removed some time after its confirmation, on a thread of
//! the store's own. Writes reach the operating system before `publish` returns, so they survive the death of the
//! program; after a power cut the newest may be missing, and then the next start says so.

mod record;

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::outbox::{Keep, Letter, Stored};
use crate::types::{Error, Result};
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
    properties BLOB NOT NULL,
    checksum INTEGER NOT NULL
)";

/// The store of one client id.
pub(crate) struct Store {
    path: PathBuf,
    shared: Arc<Mutex<Shared>>,
    removals: Option<Sender<Stored>>,
    remover: Option<JoinHandle<()>>,
}

struct Shared {
    db: Connection,
    /// Holds the newest key outside the database, so that a database that lost its end is recognised.
    newest: File,
}

impl Store {
    /// Opens or creates the store of `client_id` in `dir`, and reads what an earlier program left unconfirmed.
    pub(crate) fn open(dir: &Path, client_id: &str) -> Result<(Store, Vec<Letter>)> {
        create_private(dir).map_err(|error| failure(dir, &error))?;
        let path = dir.join(file_name(client_id));
        let newest_path = path.with_extension("newest");
        let mut newest = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&newest_path)
            .map_err(|error| failure(&newest_path, &error))?;
        let db = open_database(&path).map_err(|error| explain(&path, &error))?;
        let letters = read_all(&db, &path)?;
        check_newest(&db, &mut newest, &path)?;
        let shared = Arc::new(Mutex::new(Shared { db, newest }));
        let (removals, orders) = mpsc::channel();
        let theirs = Arc::clone(&shared);
        let remover = thread::Builder::new()
            .name("rappel-store".into())
            .spawn(move || remove_all(&theirs, &orders))
            .map_err(|error| failure(&path, &error))?;
        Ok((Store { path, shared, removals: Some(removals), remover: Some(remover) }, letters))
    }
}

impl Keep for Store {
    fn add(&self, letter: &Letter) -> Result<Stored> {
        let row = Row::of(letter);
        let mut shared = lock(&self.shared);
        let key = shared.add(&row).map_err(|error| explain(&self.path, &error))?;
        // Should this fail, the mark is too low, which only makes it less sharp.
        if let Err(error) = shared.mark(key) {
            log::warn!("{}: the newest message's number could not be noted: {error}", self.path.display());
        }
        Ok(key)
    }

    fn remove(&self, stored: Stored) {
        if let Some(removals) = &self.removals {
            // The thread ends only after this end of the channel.
            let _ = removals.send(stored);
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.removals.take());
        if let Some(remover) = self.remover.take() {
            let _ = remover.join();
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Shared {
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<Stored> {
        let mut insert = self.db.prepare_cached(
            "INSERT INTO messages (topic, payload, qos, retain, properties, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        insert.insert(params![row.topic, row.payload, row.qos, row.retain, row.properties, row.checksum()])
    }

    fn mark(&mut self, key: Stored) -> std::io::Result<()> {
        self.newest.rewind()?;
        self.newest.write_all(&key.to_le_bytes())
    }

    fn remove(&mut self, keys: &[Stored]) -> rusqlite::Result<()> {
        let transaction = self.db.transaction()?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM messages WHERE key = ?1")?;
            for key in keys {
                delete.execute([key])?;
            }
        }
        transaction.commit()
    }
}

/// The remover's thread: takes what there is, until the store is dropped.
fn remove_all(shared: &Mutex<Shared>, orders: &Receiver<Stored>) {
    while let Ok(first) = orders.recv() {
        let mut keys = vec![first];
        keys.extend(orders.try_iter().take(BATCH - 1));
        let removed = lock(shared).remove(&keys);
        if let Err(error) = removed {
            log::warn!(
                "{} confirmed message(s) could not be removed from the store and may be sent again by the next \
                 start: {error}",
                keys.len()
            );
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn create_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn open_database(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY)?;
    // One program at a time, and no fsync for each message: a killed program loses nothing by it.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    let id: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if id != APPLICATION_ID && tables > 0 {
        return Err(rusqlite::Error::InvalidQuery);
    }
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    let verdict: String = db.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(code, Some(verdict)));
    }
    db.execute_batch(SCHEMA)?;
    Ok(db)
}

/// What is unconfirmed, in the order of its acceptance.
fn read_all(db: &Connection, path: &Path) -> Result<Vec<Letter>> {
    let read = || -> rusqlite::Result<Vec<Result<Letter>>> {
        let mut select =
            db.prepare("SELECT key, topic, payload, qos, retain, properties, checksum FROM messages ORDER BY key")?;
        let rows = select.query_map([], |row| {
            let (key, topic, payload) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (qos, retain, properties, sum) = (row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
            Ok(record::letter(key, topic, payload, qos, retain, properties, sum))
        })?;
        rows.map(|row| row.map(|letter| letter.map_err(|problem| broken(path, problem)))).collect()
    };
    read().map_err(|error| explain(path, &error))?.into_iter().collect()
}

/// Compares the database's newest key with the one noted beside it.
fn check_newest(db: &Connection, newest: &mut File, path: &Path) -> Result<()> {
    let mut noted = [0; 8];
    let noted = match newest.read_exact(&mut noted) {
        Ok(()) => i64::from_le_bytes(noted),
        // A new store, or one whose note never came to be written.
        Err(_) => 0,
    };
    let known: Option<i64> = db
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'messages'", [], |row| row.get(0))
        .optional()
        .map_err(|error| explain(path, &error))?;
    if noted > known.unwrap_or(0) {
        return Err(broken(path, "its newest messages are missing"));
    }
    Ok(())
}

fn failure(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Storage { dir: path.to_owned(), problem: error.to_string() }
}

fn broken(path: &Path, problem: &str) -> Error {
    let problem = format!("the store is damaged: {problem}; move its files away to start with an empty one");
    Error::Storage { dir: path.to_owned(), problem }
}

fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    let problem = match error.sqlite_error_code() {
        Some(Code::DatabaseCorrupt) => return broken(path, &error.to_string()),
        Some(Code::NotADatabase) => return broken(path, "the file is not a store"),
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
            "another program uses it: give each program its own client id".to_owned()
        }
        Some(Code::DiskFull) => "the disk is full".to_owned(),
        Some(Code::ReadOnly) => "it cannot be written: check the rights on the directory".to_owned(),
        Some(Code::CannotOpen | Code::PermissionDenied) => {
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
