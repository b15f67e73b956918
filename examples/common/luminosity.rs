//! Exercise 4's computation: the brightest Pi and the mean of all, from their last values.
//!
//! It does no input or output and is told what time it is, so that tests need neither.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

/// What stands before the host name in a topic.
pub const PREFIX: &str = "/ex4/";

/// A Pi that has sent nothing for so many periods no longer counts.
const PERIODS_OF_SILENCE: u32 = 3;

/// The last value of each Pi.
#[derive(Debug)]
pub struct Luminosity {
    silence: Duration,
    last: BTreeMap<String, (u8, Instant)>,
    /// The hosts whose nonsense has been reported once.
    warned: BTreeSet<String>,
}

impl Luminosity {
    /// `period` is the time between two values of one Pi.
    pub fn new(period: Duration) -> Self {
        Luminosity { silence: period * PERIODS_OF_SILENCE, last: BTreeMap::new(), warned: BTreeSet::new() }
    }

    /// Takes a message in. What is not an integer from 0 to 100 changes nothing; the first time a
    /// host sends such a thing, the answer is a warning to show.
    pub fn receive(&mut self, topic: &str, payload: &[u8], now: Instant) -> Option<String> {
        let host = printable(topic.strip_prefix(PREFIX).unwrap_or(topic));
        if let Some(percent) = parse(payload) {
            self.last.insert(host, (percent, now));
            return None;
        }
        let warning = format!("{host} : valeur ignorée, il faut un entier de 0 à 100.");
        self.warned.insert(host).then_some(warning)
    }

    /// The brightest Pi and the mean; `None` while no Pi counts.
    pub fn summary(&self, now: Instant) -> Option<Summary> {
        let counted: Vec<_> = self
            .last
            .iter()
            .filter(|(_, (_, seen))| now.saturating_duration_since(*seen) < self.silence)
            .map(|(host, (percent, _))| (host, *percent))
            .collect();
        let max = counted.iter().map(|(_, percent)| *percent).max()?;
        // On equal maxima the first in alphabetical order, in which capitals count as small letters.
        let (host, _) =
            counted.iter().filter(|(_, percent)| *percent == max).min_by_key(|(host, _)| host.to_lowercase())?;
        let sum: f64 = counted.iter().map(|(_, percent)| f64::from(*percent)).sum();
        Some(Summary { host: (*host).clone(), max, mean: sum / counted.len() as f64 })
    }
}

/// What is displayed at regular intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The Pi that has the most light.
    pub host: String,
    /// Its value.
    pub max: u8,
    /// The mean of the last values.
    pub mean: f64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Max: {} ({})", self.host, self.max)?;
        writeln!(f, "Moy: {:.2}", self.mean)?;
        write!(f, "-------------")
    }
}

/// A whole number from 0 to 100, digits only.
fn parse(payload: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(payload).ok()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|percent| digits && *percent <= 100)
}

/// The name comes from somebody else: it must not command our terminal.
fn printable(host: &str) -> String {
    host.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);

    /// Values received at the same moment, and that moment.
    fn received(values: &[(&str, &str)]) -> (Luminosity, Instant) {
        let now = Instant::now();
        let mut luminosity = Luminosity::new(PERIOD);
        for (host, payload) in values {
            luminosity.receive(&format!("{PREFIX}{host}"), payload.as_bytes(), now);
        }
        (luminosity, now)
    }

    /// What is displayed for these values.
    fn displayed(values: &[(&str, &str)]) -> Option<String> {
        let (luminosity, now) = received(values);
        luminosity.summary(now).map(|summary| summary.to_string())
    }

    #[test]
    fn the_block_is_the_one_of_the_course() {
        let values = [("denis", "93"), ("a", "60"), ("b", "40"), ("c", "50"), ("d", "59")];
        assert_eq!(displayed(&values).as_deref(), Some("Max: denis (93)\nMoy: 60.40\n-------------"));
        let spaces = displayed(&[("Equipe 3", "72")]);
        assert_eq!(spaces.as_deref(), Some("Max: Equipe 3 (72)\nMoy: 72.00\n-------------"));
    }

    #[test]
    fn nothing_received_nothing_displayed() {
        assert_eq!(displayed(&[]), None);
    }

    #[test]
    fn the_last_value_of_a_pi_counts() {
        assert_eq!(displayed(&[("a", "90"), ("a", "10")]).as_deref(), Some("Max: a (10)\nMoy: 10.00\n-------------"));
    }

    #[test]
    fn on_equal_maxima_the_first_in_alphabetical_order() {
        let max = |values: &[(&str, &str)]| displayed(values).map(|text| text.lines().next().unwrap_or("").to_owned());
        assert_eq!(max(&[("b", "7"), ("a", "7"), ("c", "7")]).as_deref(), Some("Max: a (7)"));
        assert_eq!(max(&[("WuJitsu", "7"), ("denis", "7")]).as_deref(), Some("Max: denis (7)"));
    }

    #[test]
    fn a_pi_silent_for_three_periods_no_longer_counts() {
        let (mut luminosity, start) = received(&[("denis", "93"), ("leo", "7")]);
        luminosity.receive("/ex4/leo", b"8", start + 2 * PERIOD);
        let hosts = |now: Instant| luminosity.summary(now).map(|summary| (summary.host, summary.mean));
        let last_moment = start + 3 * PERIOD - Duration::from_nanos(1);
        assert_eq!(hosts(last_moment), Some(("denis".to_owned(), 50.5)));
        assert_eq!(hosts(start + 3 * PERIOD), Some(("leo".to_owned(), 8.0)));
        assert_eq!(hosts(start + 5 * PERIOD), None);
    }

    #[test]
    fn a_pi_that_speaks_again_counts_again() {
        let (mut luminosity, start) = received(&[("denis", "93")]);
        let later = start + 10 * PERIOD;
        assert_eq!(luminosity.summary(later), None);
        luminosity.receive("/ex4/denis", b"12", later);
        assert_eq!(luminosity.summary(later).map(|summary| summary.max), Some(12));
    }

    #[test]
    fn only_integers_from_0_to_100() {
        for good in ["0", "7", "007", "100"] {
            assert!(displayed(&[("a", good)]).is_some(), "{good}");
        }
        for bad in ["", "101", "256", "-1", "+5", "1.5", "93%", " 93", "1e1", "allo", "９", "99999999999999999999"] {
            assert_eq!(displayed(&[("a", bad)]), None, "{bad}");
        }
        let (mut luminosity, now) = received(&[]);
        luminosity.receive("/ex4/a", b"\xff", now);
        assert_eq!(luminosity.summary(now), None);
    }

    #[test]
    fn one_warning_per_host_and_the_last_good_value_stays() {
        let (mut luminosity, now) = received(&[("a", "50")]);
        let mut warn = |topic: &str| luminosity.receive(topic, b"allo", now).is_some();
        assert!(warn("/ex4/a"));
        assert!(!warn("/ex4/a"));
        assert!(warn("/ex4/b"));
        assert_eq!(luminosity.summary(now).map(|summary| summary.max), Some(50));
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let text = displayed(&[("\u{1b}[2Jx\n", "5")]);
        assert_eq!(text.as_deref(), Some("Max: \u{fffd}[2Jx\u{fffd} (5)\nMoy: 5.00\n-------------"));
    }
}
