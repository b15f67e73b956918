//! The simulated light: a slow sine with a little noise.

use std::f64::consts::TAU;
use std::time::{SystemTime, UNIX_EPOCH};

/// Volts when the light is at 100 %.
const SUPPLY: f64 = 3.3;
/// Measures in one period of the sine: two minutes at one measure every ten seconds.
const MEASURES_PER_PERIOD: f64 = 12.0;

/// The light over one simulated Pi. Its time is counted in measures.
pub struct Sky {
    /// Place in the sine, in turns.
    phase: f64,
    /// The middle of the sine, 0 to 1.
    level: f64,
    /// State of the noise.
    noise: u64,
}

impl Sky {
    /// A light of its own for each name, and another one at each run.
    pub fn now(name: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Sky::new(name, u64::from(now.subsec_nanos()) ^ now.as_secs())
    }

    /// The same light for the same name and the same number.
    pub fn new(name: &str, run: u64) -> Self {
        // FNV-1a: short, and the same on every machine and with every compiler.
        let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let seed = name.bytes().chain(run.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, mix);
        let mut sky = Sky { phase: 0.0, level: 0.0, noise: seed };
        sky.phase = sky.random();
        sky.level = 0.3 + 0.4 * sky.random();
        sky
    }

    /// The divider's voltage at the next measure.
    pub fn volts(&mut self) -> f64 {
        self.phase += 1.0 / MEASURES_PER_PERIOD;
        let noise = 0.04 * (self.random() - 0.5);
        SUPPLY * (self.level + 0.25 * (TAU * self.phase).sin() + noise).clamp(0.0, 1.0)
    }

    /// A number in 0..1 (the generator is SplitMix64).
    fn random(&mut self) -> f64 {
        self.noise = self.noise.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.noise;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        f64::from(u32::try_from(z >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}
