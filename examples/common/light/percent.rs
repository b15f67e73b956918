//! From the converter's steps to a percentage.

/// Steps of 125 µV in one percent of the 3.3 V supply: 3.3 V is step 26400.
const STEPS_PER_PERCENT: i32 = 264;

/// The light in percent, rounded, 0 to 100. Noise may push a dark input slightly below zero.
pub fn percent(raw: i16) -> u8 {
    let rounded = (i32::from(raw).max(0) + STEPS_PER_PERCENT / 2) / STEPS_PER_PERCENT;
    u8::try_from(rounded.min(100)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn borders() {
        for (raw, expected) in [
            (i16::MIN, 0),
            (-1, 0),
            (0, 0),
            (131, 0),
            (132, 1),
            (395, 1),
            (396, 2),
            (13_200, 50),
            (26_267, 99),
            (26_268, 100),
            (26_400, 100),
            (26_401, 100),
            (i16::MAX, 100),
        ] {
            assert_eq!(percent(raw), expected, "raw {raw}");
        }
    }

    #[test]
    fn every_step_agrees_with_the_volts() {
        for raw in i16::MIN..=i16::MAX {
            let volts = f64::from(raw) * 125e-6;
            let exact = (volts / 3.3 * 100.0).clamp(0.0, 100.0);
            assert!((f64::from(percent(raw)) - exact).abs() <= 0.5 + 1e-9, "raw {raw}");
        }
    }
}
