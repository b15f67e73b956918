//! The simulated light: a slow sine with a little noise, the same at every run.

use std::f64::consts::TAU;

/// Volts when the light is at 100 %.
const SUPPLY: f64 = 3.3;
/// Measures in one period of the sine: two minutes at one measure every ten seconds.
const MEASURES_PER_PERIOD: f64 = 12.0;

/// The light over one simulated Pi. Its time is counted in measures, so a test sees what a user sees.
pub struct Sky {
    /// Place in the sine, in turns.
    phase: f64,
    /// The middle of the sine, 0 to 1.
    level: f64,
    /// State of the noise.
    noise: u64,
}

impl Sky {
    /// A light of its own for each name.
    pub fn new(name: &str) -> Self {
        // FNV-1a: short, and the same on every machine and with every compiler.
        let seed = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
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

#[cfg(test)]
mod tests {
    use super::Sky;

    fn day(name: &str) -> Vec<f64> {
        let mut sky = Sky::new(name);
        (0..360).map(|_| sky.volts()).collect()
    }

    #[test]
    fn a_name_always_has_the_same_light() {
        assert_eq!(day("denis"), day("denis"));
        assert_ne!(day("denis"), day("WuJitsu"));
    }

    #[test]
    fn the_light_varies_between_dark_and_the_supply() {
        for name in ["denis", "WuJitsu", "Equipe 3", "", "été"] {
            let day = day(name);
            assert!(day.iter().all(|volts| (0.0..=3.3).contains(volts)));
            let brightest = day.iter().copied().fold(f64::MIN, f64::max);
            let darkest = day.iter().copied().fold(f64::MAX, f64::min);
            assert!(brightest - darkest > 1.0, "{name}: {darkest}..{brightest}");
        }
    }
}
