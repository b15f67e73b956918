//! The store's files and their directory: the user's own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::store::failure;
use crate::types::Result;

/// Makes a directory that is the user's own, if it is not there.
pub(super) fn create_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Opens a file of the user's own, and creates it if it is not there.
pub(super) fn open_private(path: &Path) -> std::io::Result<File> {
    provide_private(path)?;
    File::options().read(true).write(true).open(path)
}

/// Has a file be there and be the user's own. One that is there is not opened, as closing it would end every lock that this
/// program has on it, SQLite's too.
pub(super) fn provide_private(path: &Path) -> std::io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        file => drop(file),
    }
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

/// The write-ahead log of the database at `path`.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Deletes a file, if there is one.
pub(super) fn delete(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failure(file, &error)),
        _ => Ok(()),
    }
}
