//! The Pi's GPIO. This is the only file that names `rppal`.

use std::time::Duration;

use rppal::gpio::{Error, Gpio, InputPin, Trigger};
use rppal::system::DeviceInfo;

use super::{ButtonFault, PIN};

/// A press bounces for a few milliseconds: closer edges are the same press.
const DEBOUNCE: Duration = Duration::from_millis(30);
/// How long one wait for an edge lasts, and so how soon the thread sees that it must stop.
const WAIT: Duration = Duration::from_millis(100);

/// Whether this machine is a Raspberry Pi that rppal knows.
pub fn is_raspberry_pi() -> bool {
    DeviceInfo::new().is_ok()
}

/// Takes the pin and arms its falling edge: a press connects it to GND.
pub fn open() -> Result<InputPin, ButtonFault> {
    // This pin is pulled down at power-on: without the pull-up it would always read "pressed".
    let mut pin = Gpio::new()?.get(PIN)?.into_input_pullup();
    // Not `set_async_interrupt`: on a line held by another program it succeeds and stays silent.
    pin.set_interrupt(Trigger::FallingEdge, Some(DEBOUNCE))?;
    Ok(pin)
}

/// Waits a moment for an edge.
pub fn wait(pin: &mut InputPin) -> Result<bool, ButtonFault> {
    Ok(pin.poll_interrupt(false, Some(WAIT))?.is_some())
}

impl From<Error> for ButtonFault {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownModel => ButtonFault::UnknownModel,
            Error::PermissionDenied(_) => ButtonFault::PermissionDenied,
            Error::Io(error) => ButtonFault::Io(error),
            Error::PinUsed(_) | Error::PinNotAvailable(_) => ButtonFault::NoSuchPin,
            Error::ThreadPanic => ButtonFault::Panicked,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_errors_of_rppal_keep_their_meaning() {
        let fault = |error: Error| ButtonFault::from(error);
        assert!(matches!(fault(Error::UnknownModel), ButtonFault::UnknownModel));
        assert!(matches!(fault(Error::PermissionDenied("/dev/gpiochip0".to_owned())), ButtonFault::PermissionDenied));
        assert!(matches!(fault(Error::PinNotAvailable(PIN)), ButtonFault::NoSuchPin));
        assert!(matches!(fault(Error::PinUsed(PIN)), ButtonFault::NoSuchPin));
        let busy = fault(Error::Io(io::Error::from_raw_os_error(16)));
        assert!(busy.to_string().contains("gpioinfo"));
    }

    #[test]
    fn a_machine_that_is_not_a_pi_says_so() {
        if !is_raspberry_pi() {
            assert!(matches!(open(), Err(ButtonFault::UnknownModel)));
        }
    }
}
