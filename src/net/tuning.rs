//! What is asked of the system for the broker's socket.

use std::io;

use socket2::SockRef;

/// So many bytes the system may hold back beyond what it has sent. Small enough that a slow line takes the next ones
/// every now and then, which is how its progress is seen; large enough that a fast one never waits for them.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 128 * 1024;
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
