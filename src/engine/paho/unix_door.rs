//! A Unix socket in a directory of its own: mode 0700, gone as soon as Paho has come in.
//!
//! Abstract names would leave nothing behind, but the bindings take no NUL.

use std::fs::{DirBuilder, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use mio::net::{UnixListener, UnixStream};
use rustix::net::sockopt::set_socket_send_buffer_size;

const NAME: &str = "room";
/// Bytes on their way to Paho. Linux counts its own overhead, too, and takes twice what it is told.
const SEND_BUFFER: usize = 4096;

/// A listening Unix socket.
pub(super) struct UnixDoor {
    listener: UnixListener,
    uri: String,
    _directory: Directory,
}

impl UnixDoor {
    pub(super) fn open() -> io::Result<UnixDoor> {
        let directory = Directory::create()?;
        let (listener, uri) = listen(&directory.path.join(NAME)).or_else(|_| {
            // The path is too long for an address (107 bytes on Linux), or is no UTF-8, as the bindings want it.
            listen(&Path::new("/proc/self/fd").join(directory.handle.as_raw_fd().to_string()).join(NAME))
        })?;
        Ok(UnixDoor { listener, uri, _directory: directory })
    }

    pub(super) fn uri(&self) -> String {
        self.uri.clone()
    }

    pub(super) fn listener(&mut self) -> &mut UnixListener {
        &mut self.listener
    }

    /// The next connection; `None` when it came from another process.
    pub(super) fn accept(&self) -> io::Result<Option<UnixStream>> {
        let (socket, _) = self.listener.accept()?;
        // A credit waits behind what is in the buffer already: at Paho's pace, two milliseconds of tickets.
        set_socket_send_buffer_size(&socket, SEND_BUFFER)?;
        Ok(is_own(&socket).then_some(socket))
    }
}

fn listen(path: &Path) -> io::Result<(UnixListener, String)> {
    let name = path.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    Ok((UnixListener::bind(path)?, format!("unix://{name}")))
}

/// Whether the peer is this very process. Another process of the same user could enter the directory.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_own(socket: &UnixStream) -> bool {
    match rustix::net::sockopt::socket_peercred(socket) {
        Ok(peer) => u32::try_from(peer.pid.as_raw_nonzero().get()) == Ok(std::process::id()),
        Err(error) => {
            log::debug!("the system does not say who connects ({error}); the directory is private");
            true
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_own(_socket: &UnixStream) -> bool {
    true
}

/// A directory for this process alone, removed when dropped.
struct Directory {
    path: PathBuf,
    /// Paho may have to go by its number.
    handle: File,
}

impl Directory {
    fn create() -> io::Result<Directory> {
        loop {
            let number = RandomState::new().build_hasher().finish();
            let path = env::temp_dir().join(format!("rappel-{number:016x}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => match File::open(&path) {
                    Ok(handle) => return Ok(Directory { path, handle }),
                    Err(error) => {
                        let _ = fs::remove_dir(&path);
                        return Err(error);
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let removed = fs::remove_file(self.path.join(NAME)).and_then(|()| fs::remove_dir(&self.path));
        if let Err(error) = removed {
            log::debug!("{} could not be removed: {error}", self.path.display());
        }
    }
}
