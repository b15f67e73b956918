//! A simulated ADS1115, register by register, so that the real driver runs on it.
//!
//! It has no clock: a conversion lasts a given number of readings of the configuration register.

use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};

const CONVERSION: usize = 0;
const CONFIG: usize = 1;
/// What the four registers hold after power-on.
const RESET: [u16; 4] = [0x0000, 0x8583, 0x8000, 0x7fff];
/// In the configuration: written, start a conversion; read, no conversion is running.
const OS: u16 = 1 << 15;
/// In the configuration: one conversion at a time.
const ONE_SHOT: u16 = 1 << 8;

/// The two inputs compared for each value of the MUX bits; `None` is ground.
const INPUTS: [(usize, Option<usize>); 8] =
    [(0, Some(1)), (0, Some(3)), (1, Some(3)), (2, Some(3)), (0, None), (1, None), (2, None), (3, None)];
/// Volts at full scale for each value of the PGA bits.
const FULL_SCALE: [f64; 8] = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256];

/// The chip; `volts` tells the voltage on its input 0 to 3.
pub struct SimulatedAds1115<V> {
    pub volts: V,
    /// Where it answers: 0x48 when its ADDR pin is wired to GND.
    pub address: u8,
    /// Readings of the configuration that one conversion lasts; `u32::MAX` never ends.
    pub duration: u32,
    /// The register that the next reading shows.
    pointer: usize,
    registers: [u16; 4],
    /// The running conversion: readings still to come, and its result.
    running: Option<(u32, u16)>,
}

impl<V: FnMut(usize) -> f64> SimulatedAds1115<V> {
    /// A chip just powered on, ADDR wired to GND, with short conversions.
    pub fn new(volts: V) -> Self {
        SimulatedAds1115 { volts, address: 0x48, duration: 3, pointer: 0, registers: RESET, running: None }
    }

    /// One reading of the register pointed at.
    fn read(&mut self) -> u16 {
        if self.pointer != CONFIG {
            return self.registers[self.pointer];
        }
        match self.running {
            Some((0, result)) => {
                self.registers[CONVERSION] = result;
                self.running = None;
            }
            Some((left, result)) if left != u32::MAX => self.running = Some((left - 1, result)),
            _ => {}
        }
        let idle = if self.running.is_none() { OS } else { 0 };
        self.registers[CONFIG] & !OS | idle
    }

    /// One write to the register pointed at; the conversion is read-only.
    fn write(&mut self, value: u16) {
        if self.pointer != CONVERSION {
            self.registers[self.pointer] = value;
        }
        let starts = value & OS != 0 && value & ONE_SHOT != 0;
        if self.pointer == CONFIG && starts && self.running.is_none() {
            self.running = Some((self.duration, self.measure()));
        }
    }

    /// What the converter finds, saturated to 16 bits.
    fn measure(&mut self) -> u16 {
        let config = self.registers[CONFIG];
        let (plus, minus) = INPUTS[usize::from(config >> 12 & 7)];
        let volts = (self.volts)(plus) - minus.map_or(0.0, &mut self.volts);
        let steps = volts / FULL_SCALE[usize::from(config >> 9 & 7)] * 32768.0;
        (steps.round() as i16).cast_unsigned()
    }
}

impl<V> ErrorType for SimulatedAds1115<V> {
    type Error = ErrorKind;
}

impl<V: FnMut(usize) -> f64> I2c for SimulatedAds1115<V> {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        if address != self.address {
            return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        }
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    self.pointer = bytes.first().map_or(self.pointer, |pointer| usize::from(pointer & 3));
                    if let [_, high, low] = bytes {
                        self.write(u16::from_be_bytes([*high, *low]));
                    }
                }
                Operation::Read(buffer) => buffer.copy_from_slice(&self.read().to_be_bytes()[..buffer.len().min(2)]),
            }
        }
        Ok(())
    }
}
