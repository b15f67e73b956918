//! The light sensor: a photoresistor read through an ADS1115 converter, real or simulated.
//!
//! Both run the same driver and the same conversion; they differ only in the I²C bus below.

mod percent;

mod fault;

#[cfg(target_os = "linux")]
mod i2c;

mod ads1115;
mod sky;

use std::thread;
use std::time::Duration;

use ads1x1x::{Ads1x1x, FullScaleRange, TargetAddr, channel, ic, mode};
use embedded_hal::i2c::I2c;

pub use ads1115::SimulatedAds1115;
pub use fault::LightFault;
pub use percent::percent;
pub use sky::Sky;

/// A conversion takes 8 ms: a chip that is not ready after this many pauses never will be.
const MAX_PAUSES: u32 = 100;
/// The pause between two questions to the chip.
const PAUSE: Duration = Duration::from_millis(1);

/// Something that measures light.
pub trait Light: Send {
    /// The light now, 0 (dark) to 100.
    fn percent(&mut self) -> Result<u8, LightFault>;
}

/// An ADS1115 with the photoresistor's divider on its input A0.
pub struct LightSensor<I2C> {
    chip: Ads1x1x<I2C, ic::Ads1115, ic::Resolution16Bit, mode::OneShot>,
}

impl<I2C> LightSensor<I2C>
where
    I2C: I2c,
    LightFault: From<I2C::Error>,
{
    /// Sets the chip up. This is the first talk with it, so an absent chip is noticed here.
    pub fn new(i2c: I2C) -> Result<Self, LightFault> {
        let mut chip = Ads1x1x::new_ads1115(i2c, TargetAddr::default());
        chip.set_full_scale_range(FullScaleRange::Within4_096V).map_err(of_driver)?;
        Ok(LightSensor { chip })
    }

    /// One measure, in steps of 125 µV.
    pub fn raw(&mut self) -> Result<i16, LightFault> {
        for _ in 0..MAX_PAUSES {
            match self.chip.read(channel::SingleA0) {
                Ok(raw) => return Ok(raw),
                Err(nb::Error::WouldBlock) => thread::sleep(PAUSE),
                Err(nb::Error::Other(error)) => return Err(of_driver(error)),
            }
        }
        Err(LightFault::NeverReady)
    }

    /// Gives the bus back, for tests that look at what went over it.
    pub fn release(self) -> I2C {
        self.chip.destroy_ads1115()
    }
}

impl<I2C> Light for LightSensor<I2C>
where
    I2C: I2c + Send,
    LightFault: From<I2C::Error>,
{
    fn percent(&mut self) -> Result<u8, LightFault> {
        self.raw().map(percent)
    }
}

/// The sensor on the Pi's I²C bus 1.
#[cfg(target_os = "linux")]
pub fn real() -> Result<Box<dyn Light>, LightFault> {
    Ok(Box::new(LightSensor::new(i2c::open()?)?))
}

/// Without Linux there is no I²C bus to open.
#[cfg(not(target_os = "linux"))]
pub fn real() -> Result<Box<dyn Light>, LightFault> {
    Err(LightFault::NotLinux)
}

/// A simulated sensor. Each name has its own light.
pub fn simulated(name: &str) -> Result<Box<dyn Light>, LightFault> {
    let mut sky = Sky::new(name);
    let chip = SimulatedAds1115::new(move |input| if input == 0 { sky.volts() } else { 0.0 });
    Ok(Box::new(LightSensor::new(chip)?))
}

/// The driver's error has no `Display`: take out what the bus said.
fn of_driver<E>(error: ads1x1x::Error<E>) -> LightFault
where
    LightFault: From<E>,
{
    match error {
        ads1x1x::Error::I2C(error) => error.into(),
        ads1x1x::Error::InvalidInputData => LightFault::Other("réglage refusé par le pilote".to_owned()),
    }
}
