//! What is asked of the system for the broker's socket, where the system has it.

use std::io;
use std::time::Duration;

use socket2::SockRef;

/// So many bytes the system may hold back beyond what it has sent. Small enough that a slow line takes the next ones
/// every now and then, which is how its progress is seen; large enough that a fast one never waits for them.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 64 * 1024;
/// The same for systems that cannot tell what they have sent: they hold so many bytes in all.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const UNCONFIRMED: usize = 256 * 1024;

/// Has the system take bytes only as it sends them: what waits for a slow line waits on our side, so that we see the
/// line take it.
pub(super) fn bound_what_waits(socket: &SockRef<'_>) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return socket.set_tcp_notsent_lowat(UNSENT);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    socket.set_send_buffer_size(UNCONFIRMED)
}

/// Whether [`acknowledge`] does anything on this system.
pub(super) const ACKNOWLEDGES: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Has the system acknowledge what was read, once: how it does so with what comes later is up to it again.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn acknowledge(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_quickack(true)?;
    socket.set_tcp_quickack(false)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn acknowledge(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

/// Has the system give up a peer that has acknowledged nothing of what was sent to it for so long. Where this is not
/// asked for, that takes a quarter of an hour.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn give_up_after(socket: &SockRef<'_>, patience: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(patience))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn give_up_after(_: &SockRef<'_>, _: Duration) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_system_does_as_it_is_asked() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let socket = SockRef::from(&stream);
        bound_what_waits(&socket)?;
        assert_eq!(socket.tcp_notsent_lowat()?, UNSENT);
        give_up_after(&socket, Duration::from_secs(7))?;
        assert_eq!(socket.tcp_user_timeout()?, Some(Duration::from_secs(7)));
        acknowledge(&socket)?;
        assert!(!socket.tcp_quickack()?);
        Ok(())
    }
}
