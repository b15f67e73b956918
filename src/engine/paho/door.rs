//! The room's door: open while one client of Paho's is awaited, and for it alone.

use std::io;
use std::net::Ipv4Addr;

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};

use super::own_process;
use super::room::Socket;
#[cfg(unix)]
use super::unix_door::UnixDoor;

/// A listening socket that Paho is about to connect to.
pub(super) enum Door {
    /// A socket in a directory that no other user can enter.
    #[cfg(unix)]
    Unix(UnixDoor),
    /// A port of the loopback interface, where there is no such socket.
    Tcp(TcpListener),
}

impl Door {
    /// Listens. Paho must only be told to connect afterwards: a Unix connection that fails makes it call a callback
    /// twice, the second time on freed memory (see [`Connecting`](super::client::Connecting)).
    ///
    /// # Errors
    /// No descriptor is left, or no loopback interface is there.
    pub(super) fn open() -> io::Result<Door> {
        #[cfg(unix)]
        match UnixDoor::open() {
            Ok(door) => return Ok(Door::Unix(door)),
            Err(error) => log::debug!("no Unix socket for Paho ({error}): a loopback port instead"),
        }
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).map(Door::Tcp)
    }

    /// Where Paho finds it.
    pub(super) fn uri(&self) -> io::Result<String> {
        match self {
            #[cfg(unix)]
            Door::Unix(door) => Ok(door.uri()),
            Door::Tcp(listener) => Ok(format!("tcp://{}", listener.local_addr()?)),
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Door::Unix(door) => registry.register(door.listener(), token, Interest::READABLE),
            Door::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
        }
    }

    /// The next connection of this process; others are closed. `WouldBlock` when there is none.
    pub(super) fn accept(&self) -> io::Result<Box<dyn Socket>> {
        loop {
            match self {
                #[cfg(unix)]
                Door::Unix(door) => {
                    if let Some(socket) = door.accept()? {
                        return Ok(Box::new(socket));
                    }
                }
                Door::Tcp(listener) => {
                    let (socket, peer) = listener.accept()?;
                    if own_process::is_own(peer, socket.local_addr()?) {
                        // A ticket must not wait for the acknowledgement of the one before.
                        socket.set_nodelay(true)?;
                        return Ok(Box::new(socket));
                    }
                }
            }
            log::debug!("another program has connected to the room of Paho: closed");
        }
    }
}
