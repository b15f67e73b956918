//! What can go wrong with the button, and what the user can do about it.

use std::error::Error;
use std::fmt;
use std::io;

/// Why the button cannot be watched.
#[derive(Debug)]
pub enum ButtonFault {
    /// The board is not a Raspberry Pi, or is newer than the GPIO library.
    UnknownModel,
    /// The user may not use the GPIO.
    PermissionDenied,
    /// The board has no such pin, or this program has taken it already.
    NoSuchPin,
    /// The system refused the GPIO.
    Io(io::Error),
    /// The simulated button's input cannot be read.
    Keyboard(io::Error),
    /// The thread that watches the button has died.
    Panicked,
    /// This system has no GPIO.
    NotLinux,
}

impl fmt::Display for ButtonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&explain(self))
    }
}

impl Error for ButtonFault {}

/// The sentence for the user, with what to do next.
fn explain(fault: &ButtonFault) -> String {
    const DENIED: &str = "vous n'avez pas le droit d'utiliser le GPIO : lancez `sudo usermod -aG gpio,i2c $USER`, \
        puis fermez et rouvrez votre session.";
    let text = match fault {
        ButtonFault::UnknownModel => {
            "cette machine n'est pas un Raspberry Pi connu, son GPIO est hors d'atteinte : lancez le programme \
            avec `--simulate`, la touche Entrée remplace le bouton."
        }
        ButtonFault::NotLinux => {
            "le vrai bouton demande Linux sur un Raspberry Pi : lancez le programme avec `--simulate`, la touche \
            Entrée remplace le bouton."
        }
        ButtonFault::PermissionDenied => DENIED,
        ButtonFault::NoSuchPin => "la broche BCM 26 n'est pas disponible sur cette carte : essayez avec `--simulate`.",
        ButtonFault::Panicked => "la surveillance du bouton s'est arrêtée par une erreur du programme : relancez-le.",
        ButtonFault::Keyboard(error) => {
            return format!("la lecture du clavier a échoué : {error}.");
        }
        ButtonFault::Io(error) => match error.kind() {
            io::ErrorKind::PermissionDenied => DENIED,
            io::ErrorKind::ResourceBusy => {
                "un autre programme occupe la broche BCM 26 : `gpioinfo` montre lequel à la ligne 26 ; arrêtez-le, \
                puis relancez celui-ci."
            }
            io::ErrorKind::NotFound => {
                "le contrôleur GPIO est introuvable sous /dev/gpiochip0 : cherchez avec `gpiodetect` le numéro N de \
                celui qui se nomme `pinctrl-rp1`, puis lancez `sudo ln -s gpiochipN /dev/gpiochip0`."
            }
            _ => return format!("le bouton ne peut pas être lu : {error}."),
        },
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_kind(kind: io::ErrorKind) -> String {
        ButtonFault::Io(kind.into()).to_string()
    }

    #[test]
    fn each_fault_has_its_remedy() {
        assert!(ButtonFault::UnknownModel.to_string().contains("--simulate"));
        assert!(ButtonFault::NotLinux.to_string().contains("--simulate"));
        assert!(of_kind(io::ErrorKind::ResourceBusy).contains("gpioinfo"));
        assert!(of_kind(io::ErrorKind::NotFound).contains("ln -s gpiochipN /dev/gpiochip0"));
        assert!(of_kind(io::ErrorKind::Other).starts_with("le bouton ne peut pas être lu"));
    }

    #[test]
    fn both_forms_of_missing_rights_give_the_same_remedy() {
        let remedy = of_kind(io::ErrorKind::PermissionDenied);
        assert!(remedy.contains("sudo usermod -aG gpio,i2c $USER"));
        assert_eq!(ButtonFault::PermissionDenied.to_string(), remedy);
    }
}
