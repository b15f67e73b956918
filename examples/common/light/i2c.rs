//! The Pi's I²C bus. This is the only file that names `linux_embedded_hal`.

use std::io;

use linux_embedded_hal::i2cdev::linux::LinuxI2CError;
use linux_embedded_hal::{I2CError, I2cdev};

use super::LightFault;

/// The bus on pins 3 (SDA) and 5 (SCL).
const BUS: &str = "/dev/i2c-1";

/// Opens the bus; the chip is not talked to yet.
pub fn open() -> Result<I2cdev, LightFault> {
    I2cdev::new(BUS).map_err(|error| LightFault::from(I2CError::from(error)))
}

impl From<I2CError> for LightFault {
    fn from(error: I2CError) -> Self {
        LightFault::Io(match error.inner() {
            LinuxI2CError::Errno(number) => io::Error::from_raw_os_error(*number),
            // The inner error can only be borrowed: rebuild it, with its number where it has one.
            LinuxI2CError::Io(error) => match error.raw_os_error() {
                Some(number) => io::Error::from_raw_os_error(number),
                None => io::Error::new(error.kind(), error.to_string()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(error: LinuxI2CError) -> String {
        LightFault::from(I2CError::from(error)).to_string()
    }

    #[test]
    fn the_number_is_kept_whoever_reports_it() {
        let absent = "i2cdetect -y 1";
        assert!(fault(LinuxI2CError::Errno(121)).contains(absent));
        assert!(fault(LinuxI2CError::Io(io::Error::from_raw_os_error(121))).contains(absent));
        assert!(fault(LinuxI2CError::Io(io::ErrorKind::NotFound.into())).contains("do_i2c 0"));
    }
}
