//! The Pi's GPIO. This is the only file that names `rppal`.

use std::io;

use rppal::gpio::{Error, Gpio};
use rppal::system::DeviceInfo;

use super::super::Fault;

pub use rppal::gpio::InputPin;

/// Whether this machine is a Raspberry Pi that rppal knows.
pub fn is_raspberry_pi() -> bool {
    DeviceInfo::new().is_ok()
}

/// Takes the pin. Some pins are pulled down at power-on: without the pull-up they would always read "pressed".
pub fn open(pin: u8) -> Result<InputPin, Fault> {
    let taken = Gpio::new().and_then(|gpio| gpio.get(pin));
    taken.map(|pin| pin.into_input_pullup()).map_err(|error| Fault::new(explain(error, pin)))
}

/// The sentence for the user, with what to do next.
pub fn explain(error: Error, pin: u8) -> String {
    let denied = match &error {
        Error::Io(error) => error.kind() == io::ErrorKind::PermissionDenied,
        other => matches!(other, Error::PermissionDenied(_)),
    };
    match error {
        _ if denied => "vous n'avez pas le droit d'utiliser le GPIO : lancez `sudo usermod -aG gpio,i2c $USER`, puis \
            fermez et rouvrez votre session"
            .to_owned(),
        Error::UnknownModel => {
            "cette machine n'est pas un Raspberry Pi connu, son GPIO est hors d'atteinte : lancez le \
            programme avec `--simulate`, la touche Entrée remplace le bouton"
                .to_owned()
        }
        Error::PinUsed(_) | Error::PinNotAvailable(_) => {
            format!("la broche BCM {pin} n'est pas disponible sur cette carte : essayez avec `--simulate`")
        }
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ResourceBusy => format!(
                "un autre programme occupe la broche BCM {pin} : `gpioinfo` montre lequel ; arrêtez-le, puis relancez celui-ci"
            ),
            io::ErrorKind::NotFound => "le contrôleur GPIO est introuvable sous /dev/gpiochip0 : cherchez avec \
                `gpiodetect` le numéro N de celui qui se nomme `pinctrl-rp1`, puis lancez \
                `sudo ln -s gpiochipN /dev/gpiochip0`"
                .to_owned(),
            _ => format!("le bouton ne peut pas être lu : {error}"),
        },
        other => format!("le bouton ne peut pas être lu : {other}"),
    }
}
