//! The examples' harness: it finds a broker, simulates what is not a Raspberry Pi, and reads the command line.
//!
//! An example names it in three lines at most, each marked `// harnais`; replaced as the mark says, the example stands
//! alone in a crate of one's own.

#![allow(dead_code, reason = "each example uses only a part of it")]

pub mod broker;
pub mod chart;
pub mod fault;
pub mod machine;
pub mod mosquitto;
pub mod options;
pub mod pi;
pub mod start;

use std::time::Duration;

use rappel as pmc;

pub use self::fault::Fault;
#[allow(unused_imports, reason = "two examples have an address")]
pub use self::machine::Adresse;

/// The broker to connect to: that of the command line, or of the file's own constants once they are no longer the
/// page's, or one on this machine, started if need be.
pub fn broker(host: &'static str, port: u16) -> pmc::Result<(&'static str, u16)> {
    broker::choose(host, port)
}

/// The button between this pin and GND: high, and low while it is pressed. Simulated, it is the Enter key.
pub fn bouton(pin: u8) -> Result<pi::button::Button, Fault> {
    pi::button::open(start::options().backend, pin)
}

/// The I²C bus with the light's converter on it, the name of this Pi, and the time between two measures.
pub fn capteur(bus: &str, period: Duration) -> Result<(pi::i2c::Bus, String, Duration), Fault> {
    let options = start::options();
    let name = options.host_name();
    Ok((pi::i2c::open(options.backend, bus, &name)?, name, options.period.unwrap_or(period)))
}

/// The login of the page, unless the command line gives another.
pub fn compte(user: &'static str, password: &'static str) -> (&'static str, &'static str) {
    let options = start::options();
    (options.value("utilisateur").unwrap_or(user), options.value("mot-de-passe").unwrap_or(password))
}

/// The time between two displays, unless the command line gives another.
pub fn periode(period: Duration) -> Duration {
    start::options().period.unwrap_or(period)
}
