//! The I²C bus with the light's converter: the Pi's own, or a simulated one. The only file that names `linux_embedded_hal`.

use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, Operation};

use super::super::Fault;
use super::Backend;
use super::ads1115::SimulatedAds1115;
use super::sky::Sky;

const ABSENT: &str = "l'ADS1115 ne répond pas à l'adresse 0x48 : vérifiez l'alimentation (VDD sur la broche 1, 3,3 V), \
    les fils SDA (broche 3), SCL (broche 5) et GND, et ADDR relié à GND ; la commande `i2cdetect -y 1` doit montrer 48";

/// A bus for the driver.
pub enum Bus {
    /// The Pi's.
    #[cfg(target_os = "linux")]
    Real(Box<linux_embedded_hal::I2cdev>),
    /// With nothing on it but the converter.
    Simulated(SimulatedAds1115<Box<dyn FnMut(usize) -> f64 + Send>>),
}

/// The bus of this name, or a simulated one, announced on stderr. Each `name` has a simulated light of its own.
pub fn open(backend: Backend, bus: &str, name: &str) -> Result<Bus, Fault> {
    if backend == Backend::Real {
        // The chip is not talked to yet.
        #[cfg(target_os = "linux")]
        return linux_embedded_hal::I2cdev::new(bus)
            .map(|bus| Bus::Real(Box::new(bus)))
            .map_err(|error| of_linux(&error));
        #[cfg(not(target_os = "linux"))]
        return Err(Fault::new(format!(
            "le vrai capteur ({bus}) demande Linux sur un Raspberry Pi : essayez `--simulate`"
        )));
    }
    backend.announce("capteur de lumière simulé");
    Ok(simulated(Sky::now(name)))
}

/// A bus whose converter sees this light on its input 0.
pub fn simulated(mut sky: Sky) -> Bus {
    Bus::Simulated(SimulatedAds1115::new(Box::new(move |input| if input == 0 { sky.volts() } else { 0.0 })))
}

impl ErrorType for Bus {
    type Error = Fault;
}

impl embedded_hal::i2c::Error for Fault {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl I2c for Bus {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Fault> {
        match self {
            #[cfg(target_os = "linux")]
            Bus::Real(bus) => bus.transaction(address, operations).map_err(|error| of_linux(error.inner())),
            Bus::Simulated(chip) => chip.transaction(address, operations).map_err(|_| Fault::new(ABSENT)),
        }
    }
}

/// Both forms of an error of the bus hold the system's number.
#[cfg(target_os = "linux")]
fn of_linux(error: &linux_embedded_hal::i2cdev::linux::LinuxI2CError) -> Fault {
    use linux_embedded_hal::i2cdev::linux::LinuxI2CError;

    match error {
        LinuxI2CError::Errno(number) => explain(*number),
        LinuxI2CError::Io(error) => explain(error.raw_os_error().unwrap_or_default()),
    }
}

/// The sentence for an error number of Linux (ENOENT 2, EIO 5, ENXIO 6, EACCES 13, EBUSY 16, ETIMEDOUT 110, EREMOTEIO
/// 121), with what to do next.
pub fn explain(errno: i32) -> Fault {
    Fault::new(match errno {
        6 | 121 => ABSENT,
        110 => {
            "le bus I²C est bloqué : débranchez le capteur, cherchez un court-circuit entre SDA, SCL et GND, \
             rebranchez-le ; si cela ne suffit pas, redémarrez le Pi"
        }
        16 => {
            "un pilote du noyau occupe l'adresse 0x48 : `sudo rmmod ti_ads1015` le retire ; enlevez aussi la ligne \
             `dtoverlay=ads1115` de /boot/firmware/config.txt"
        }
        2 => "le bus I²C /dev/i2c-1 n'existe pas : activez-le par `sudo raspi-config nonint do_i2c 0`",
        1 | 13 => {
            "vous n'avez pas le droit d'utiliser /dev/i2c-1 : lancez `sudo usermod -aG gpio,i2c $USER`, puis fermez et \
             rouvrez votre session"
        }
        5 => {
            "l'échange avec l'ADS1115 a été perturbé : vérifiez les fils SDA (broche 3) et SCL (broche 5), \
             raccourcissez-les au besoin"
        }
        _ => {
            let error = std::io::Error::from_raw_os_error(errno);
            return Fault::new(format!("échange impossible avec l'ADS1115 : {error}"));
        }
    })
}
