//! What this machine is called, and how a program is told from its neighbours.

use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::process;
use std::sync::OnceLock;

/// Where the broker of this program is, once it is chosen.
pub static BROKER: OnceLock<(&str, u16)> = OnceLock::new();

/// How this program presents itself to the others: the address by which its machine reaches the broker; when both are
/// the same machine, where everybody has the same address, its name and the program's number.
pub struct Adresse;

impl fmt::Display for Adresse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = BROKER.get().copied().unwrap_or(("", 0));
        match address_towards(host, port) {
            Ok(address) if !address.is_loopback() => address.fmt(f),
            _ => write!(f, "{}-{}", host_name(), process::id()),
        }
    }
}

/// The name of this machine, as the command `hostname` prints it.
pub fn host_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "pi".to_owned())
}

/// Connecting a UDP socket sends nothing: the system only chooses the route, and with it the local address.
pub fn address_towards(host: &str, port: u16) -> io::Result<IpAddr> {
    let remote = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let socket = UdpSocket::bind((if remote.is_ipv4() { "0.0.0.0" } else { "::" }, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}
