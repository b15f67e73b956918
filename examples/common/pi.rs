//! The Raspberry Pi's hardware, or its simulation.

pub mod ads1115;
pub mod button;
#[cfg(target_os = "linux")]
mod gpio;
pub mod i2c;
pub mod sky;

/// What a program works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The Pi's pins.
    Real,
    /// Simulated, as asked for.
    Simulated,
    /// Simulated because this is not a Pi.
    NotAPi,
}

impl Backend {
    /// By the switches `--simulate` and `--hardware`. A recognised Pi never simulates without being asked: a broken
    /// sensor is an error, not invented data.
    pub fn choose(simulate: bool, hardware: bool) -> Result<Self, String> {
        match (simulate, hardware) {
            (true, true) => Err("--simulate et --hardware se contredisent : choisissez l'un des deux".to_owned()),
            (true, false) => Ok(Backend::Simulated),
            (false, true) => Ok(Backend::Real),
            (false, false) if is_raspberry_pi() => Ok(Backend::Real),
            (false, false) => Ok(Backend::NotAPi),
        }
    }

    /// Says on stderr that this is simulated.
    fn announce(self, what: &str) {
        let why = if self == Backend::NotAPi { "pas de Raspberry Pi reconnu : " } else { "" };
        eprintln!("({why}{what})");
    }
}

#[cfg(target_os = "linux")]
pub use gpio::is_raspberry_pi;

/// A Raspberry Pi runs Linux.
#[cfg(not(target_os = "linux"))]
pub fn is_raspberry_pi() -> bool {
    false
}
