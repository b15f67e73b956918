//! Real hardware or simulation: the choice is made here, for the button and for the light sensor.

use super::button::{self, Button, ButtonFault};
use super::cli::{Args, Opt};
use super::light::{self, Light, LightFault};
use super::report::Failure;

/// The switch that forces the simulation.
pub const SIMULATE: Opt = Opt { name: "simulate", value: None, help: "simule le matériel, même sur un Raspberry Pi" };

/// The switch that forces the real hardware.
pub const HARDWARE: Opt =
    Opt { name: "hardware", value: None, help: "exige le vrai matériel (Pi trop récent pour être reconnu)" };

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

/// A recognised Pi never simulates without being asked: a broken sensor is an error, not invented data.
pub fn choose(simulate: bool, hardware: bool, is_a_pi: impl FnOnce() -> bool) -> Result<Backend, Failure> {
    match (simulate, hardware) {
        (true, true) => Err(Failure::usage("--simulate et --hardware se contredisent : choisissez l'un des deux")),
        (true, false) => Ok(Backend::Simulated),
        (false, true) => Ok(Backend::Real),
        (false, false) if is_a_pi() => Ok(Backend::Real),
        (false, false) => Ok(Backend::NotAPi),
    }
}

/// The button asked for; a simulated one is announced on stderr.
pub fn button(args: &Args) -> Result<Button, Failure> {
    let backend = of(args)?;
    if backend == Backend::Real {
        return Ok(Button::real()?);
    }
    announce(backend, "bouton simulé, chaque appui sur Entrée est un clic, Ctrl-C termine");
    Ok(Button::simulated()?)
}

/// The light sensor asked for; a simulated one is announced on stderr. Each `name` has a simulated light of its own.
pub fn light(args: &Args, name: &str) -> Result<Box<dyn Light>, Failure> {
    let backend = of(args)?;
    if backend == Backend::Real {
        return Ok(light::real()?);
    }
    announce(backend, "capteur de lumière simulé");
    Ok(light::simulated(name)?)
}

fn of(args: &Args) -> Result<Backend, Failure> {
    choose(args.flag(SIMULATE.name), args.flag(HARDWARE.name), button::is_raspberry_pi)
}

fn announce(backend: Backend, what: &str) {
    let why = if backend == Backend::NotAPi { "pas de Raspberry Pi reconnu : " } else { "" };
    eprintln!("({why}{what})");
}

impl From<ButtonFault> for Failure {
    fn from(fault: ButtonFault) -> Self {
        Failure::new(fault.to_string())
    }
}

impl From<LightFault> for Failure {
    fn from(fault: LightFault) -> Self {
        Failure::new(fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(simulate: bool, hardware: bool, is_a_pi: bool) -> Option<Backend> {
        choose(simulate, hardware, || is_a_pi).ok()
    }

    #[test]
    fn a_pi_never_simulates_unasked() {
        assert_eq!(chosen(false, false, true), Some(Backend::Real));
        assert_eq!(chosen(true, false, true), Some(Backend::Simulated));
    }

    #[test]
    fn another_machine_simulates_unless_told_otherwise() {
        assert_eq!(chosen(false, false, false), Some(Backend::NotAPi));
        assert_eq!(chosen(true, false, false), Some(Backend::Simulated));
        assert_eq!(chosen(false, true, false), Some(Backend::Real));
    }

    #[test]
    fn both_switches_are_a_wrong_command_line() {
        let failure = choose(true, true, || true).err();
        assert_eq!(failure.map(|failure| failure.exit_code()), Some(2));
    }
}
