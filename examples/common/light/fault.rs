//! What can go wrong with the light sensor, and what the user can do about it.

use std::error::Error;
use std::fmt;
use std::io;

use embedded_hal::i2c::ErrorKind;

// Numbers of Linux that have no `io::ErrorKind` of their own, or a misleading one.
const EIO: i32 = 5;
const ENXIO: i32 = 6;
const EBUSY: i32 = 16;
const ETIMEDOUT: i32 = 110;
const EREMOTEIO: i32 = 121;

/// Why the light could not be measured.
#[derive(Debug)]
pub enum LightFault {
    /// The system refused the bus or a transfer.
    Io(io::Error),
    /// Nobody answers at the chip's address.
    NoAnswer,
    /// The chip never finishes its conversion.
    NeverReady,
    /// This system has no I²C bus for us.
    NotLinux,
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for LightFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&explain(self))
    }
}

impl Error for LightFault {}

impl From<ErrorKind> for LightFault {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NoAcknowledge(_) => LightFault::NoAnswer,
            other => LightFault::Other(other.to_string()),
        }
    }
}

/// The sentence for the user, with what to do next.
fn explain(fault: &LightFault) -> String {
    const ABSENT: &str = "l'ADS1115 ne répond pas à l'adresse 0x48 : vérifiez l'alimentation (VDD sur la \
        broche 1, 3,3 V), les fils SDA (broche 3), SCL (broche 5) et GND, et ADDR relié à GND. \
        La commande `i2cdetect -y 1` doit montrer 48.";
    let text = match fault {
        LightFault::NoAnswer => ABSENT,
        LightFault::NeverReady => {
            "l'ADS1115 répond, mais ne termine pas sa mesure : coupez puis rétablissez son alimentation, \
            et vérifiez que la puce est bien un ADS1115 (`i2cdetect -y 1`)."
        }
        LightFault::NotLinux => {
            "le vrai capteur demande Linux sur un Raspberry Pi : lancez le programme avec `--simulate`."
        }
        LightFault::Other(text) => return format!("échange impossible avec l'ADS1115 : {text}."),
        LightFault::Io(error) => match (error.raw_os_error(), error.kind()) {
            (Some(EREMOTEIO | ENXIO), _) => ABSENT,
            (Some(ETIMEDOUT), _) | (_, io::ErrorKind::TimedOut) => {
                "le bus I²C est bloqué : débranchez le capteur, cherchez un court-circuit entre SDA, SCL et \
                GND, rebranchez-le ; si cela ne suffit pas, redémarrez le Pi."
            }
            (Some(EBUSY), _) | (_, io::ErrorKind::ResourceBusy) => {
                "un pilote du noyau occupe l'adresse 0x48 : `sudo rmmod ti_ads1015` le retire ; enlevez \
                aussi la ligne `dtoverlay=ads1115` de /boot/firmware/config.txt."
            }
            (_, io::ErrorKind::NotFound) => {
                "le bus I²C /dev/i2c-1 n'existe pas : activez-le par `sudo raspi-config nonint do_i2c 0`."
            }
            (_, io::ErrorKind::PermissionDenied) => {
                "vous n'avez pas le droit d'utiliser /dev/i2c-1 : lancez `sudo usermod -aG gpio,i2c $USER`, \
                puis fermez et rouvrez votre session."
            }
            (Some(EIO), _) => {
                "l'échange avec l'ADS1115 a été perturbé : vérifiez les fils SDA (broche 3) et SCL (broche 5), \
                raccourcissez-les au besoin."
            }
            _ => return format!("échange impossible avec l'ADS1115 : {error}."),
        },
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentence for the error number `errno` of Linux.
    #[cfg(target_os = "linux")]
    fn of_errno(errno: i32) -> String {
        LightFault::Io(io::Error::from_raw_os_error(errno)).to_string()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_number_of_linux_has_its_remedy() {
        assert!(of_errno(2).contains("raspi-config nonint do_i2c 0"), "no bus");
        assert!(of_errno(13).contains("usermod -aG gpio,i2c"), "no rights");
        assert!(of_errno(EREMOTEIO).contains("i2cdetect -y 1"), "chip absent");
        assert!(of_errno(ENXIO).contains("i2cdetect -y 1"), "chip absent");
        assert!(of_errno(ETIMEDOUT).contains("bus I²C est bloqué"), "bus stuck");
        assert!(of_errno(EBUSY).contains("rmmod ti_ads1015"), "kernel driver");
        assert!(of_errno(EIO).contains("SDA"), "noise");
        assert!(of_errno(5000).starts_with("échange impossible"), "anything else");
    }

    #[test]
    fn each_kind_has_its_remedy() {
        let of_kind = |kind: io::ErrorKind| LightFault::Io(kind.into()).to_string();
        assert!(of_kind(io::ErrorKind::NotFound).contains("do_i2c 0"));
        assert!(of_kind(io::ErrorKind::PermissionDenied).contains("usermod"));
        assert!(of_kind(io::ErrorKind::ResourceBusy).contains("rmmod"));
        assert!(of_kind(io::ErrorKind::TimedOut).contains("bloqué"));
        assert!(LightFault::NeverReady.to_string().contains("ne termine pas"));
        assert!(LightFault::NotLinux.to_string().contains("--simulate"));
    }

    #[test]
    fn no_acknowledge_is_an_absent_chip() {
        use embedded_hal::i2c::NoAcknowledgeSource;

        let fault = LightFault::from(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        assert!(fault.to_string().contains("0x48"));
        assert!(LightFault::from(ErrorKind::Bus).to_string().starts_with("échange impossible"));
    }
}
