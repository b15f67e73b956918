//! Button and light sensor without hardware: the real driver on a simulated chip, presses on a keyboard, and what
//! `ex4_pub` and `ex4_sub` make of them.

use std::io::{self, Cursor};
use std::thread;
use std::time::{Duration, Instant};

use ads1x1x::{Ads1x1x, FullScaleRange, TargetAddr, channel};
use embedded_hal::i2c::{ErrorKind, I2c};
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};

use crate::common::pi::ads1115::SimulatedAds1115;
use crate::common::pi::button::Button;
use crate::common::pi::i2c;
use crate::common::pi::sky::Sky;

use ex4_pub::{mesure, pourcentage};

#[path = "../../examples/ex4_pub.rs"]
#[allow(clippy::duplicate_mod, dead_code, reason = "an example has its harness with it, and its `main`")]
pub mod ex4_pub;
#[path = "../../examples/ex4_sub.rs"]
#[allow(clippy::duplicate_mod, dead_code, reason = "an example has its harness with it, and its `main`")]
mod ex4_sub;

/// The measures of `ex4_pub` on this bus, or what it says when it gives up.
struct Sensor<I>(Ads1x1x<I, ads1x1x::ic::Ads1115, ads1x1x::ic::Resolution16Bit, ads1x1x::mode::OneShot>);

impl<I: I2c<Error: std::error::Error + 'static>> Sensor<I> {
    fn on(bus: I) -> Result<Self, ads1x1x::Error<I::Error>> {
        let mut chip = Ads1x1x::new_ads1115(bus, TargetAddr::default());
        chip.set_full_scale_range(FullScaleRange::Within4_096V)?;
        Ok(Sensor(chip))
    }

    fn raw(&mut self) -> Result<i16, String> {
        mesure(|| self.0.read(channel::SingleA0)).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn percent(&mut self) -> u8 {
        pourcentage(self.raw().expect("a measure"))
    }
}

/// A sensor on the simulated chip, with `volts` on its input A0 and something else on the others.
fn sensor(mut volts: impl FnMut() -> f64 + Send + 'static, duration: u32) -> Sensor<i2c::Bus> {
    let mut chip =
        SimulatedAds1115::new(Box::new(move |input: usize| if input == 0 { volts() } else { 1.234 }) as Box<_>);
    chip.duration = duration;
    Sensor::on(i2c::Bus::Simulated(chip)).expect("the simulated chip answers")
}

/// What the real driver and the conversion of `ex4_pub` make of a voltage.
#[track_caller]
fn check(volts: f64, raw: i16, percent: u8) {
    let mut sensor = sensor(move || volts, 3);
    assert_eq!(sensor.raw(), Ok(raw));
    assert_eq!(sensor.percent(), percent);
}

#[test]
fn dark_middle_and_full_light() {
    check(0.0, 0, 0);
    check(1.65, 13_200, 50);
    check(3.3, 26_400, 100);
}

#[test]
fn more_than_the_supply_saturates() {
    check(3.9, 31_200, 100);
    check(5.0, i16::MAX, 100);
}

#[test]
fn noise_below_zero_is_dark() {
    check(-0.001, -8, 0);
    check(-9.0, i16::MIN, 0);
}

#[test]
fn the_percentage_is_rounded_and_stays_within_its_borders() {
    for (raw, expected) in [
        (i16::MIN, 0),
        (-1, 0),
        (131, 0),
        (132, 1),
        (395, 1),
        (396, 2),
        (26_267, 99),
        (26_268, 100),
        (26_401, 100),
        (i16::MAX, 100),
    ] {
        assert_eq!(pourcentage(raw), expected, "raw {raw}");
    }
}

#[test]
fn each_measure_is_a_new_one() {
    // The first one is lost: the driver starts a measure when it sets the range, but of A0 against A1.
    let mut volts = [1.65, 3.3, 0.0].into_iter().cycle();
    let mut sensor = sensor(move || volts.next().unwrap_or(0.0), 3);
    let measures: Vec<u8> = (0..6).map(|_| sensor.percent()).collect();
    assert_eq!(measures, [100, 0, 50, 100, 0, 50]);
}

#[test]
fn an_absent_chip_is_noticed_at_the_start() {
    let mut chip = SimulatedAds1115::new(Box::new(|_: usize| 0.0) as Box<_>);
    chip.address = 0x49;
    let Err(ads1x1x::Error::I2C(fault)) = Sensor::on(i2c::Bus::Simulated(chip)) else {
        panic!("somebody answers at 0x48")
    };
    assert!(fault.to_string().contains("i2cdetect -y 1"), "{fault}");
}

#[test]
fn a_chip_that_is_never_ready_does_not_hang_the_program() {
    let mut sensor = sensor(|| 0.0, u32::MAX);
    let start = Instant::now();
    assert!(sensor.raw().is_err_and(|error| error.contains("ne termine pas sa mesure")));
    assert!(start.elapsed() >= Duration::from_millis(90), "a slow chip gets its time");
}

#[test]
fn a_slow_chip_is_waited_for() {
    assert_eq!(sensor(|| 3.3, 24).percent(), 100);
}

/// What goes over the wire, byte by byte: address 0x48, register, high byte, low byte.
#[test]
fn the_exact_bytes_on_the_bus() {
    let mut bus = Mock::new(&[
        // Range ±4.096 V; the other bits as after power-on, so this also starts a measure of A0 against A1.
        Transaction::write(0x48, vec![0x01, 0x83, 0x83]),
        // Idle? Not yet. Idle? Yes: measure A0 against ground, once.
        Transaction::write_read(0x48, vec![0x01], vec![0x03, 0x83]),
        Transaction::write_read(0x48, vec![0x01], vec![0x83, 0x83]),
        Transaction::write(0x48, vec![0x01, 0xc3, 0x83]),
        // Ready? Not yet. Ready? Yes.
        Transaction::write_read(0x48, vec![0x01], vec![0x43, 0x83]),
        Transaction::write_read(0x48, vec![0x01], vec![0xc3, 0x83]),
        // 0x3390 is 13200: 1.65 V.
        Transaction::write_read(0x48, vec![0x00], vec![0x33, 0x90]),
    ]);
    let mut chip = Ads1x1x::new_ads1115(bus.clone(), TargetAddr::default());
    chip.set_full_scale_range(FullScaleRange::Within4_096V).expect("the mock answers");
    let raw = mesure(|| chip.read(channel::SingleA0).map_err(|error| error.map(of_mock))).expect("a measure");
    assert_eq!(pourcentage(raw), 50);
    bus.done();
}

#[test]
fn a_chip_unplugged_meanwhile_is_an_error() {
    let mut bus = Mock::new(&[
        Transaction::write(0x48, vec![0x01, 0x83, 0x83]),
        Transaction::write_read(0x48, vec![0x01], vec![0, 0]).with_error(ErrorKind::Other),
    ]);
    let mut chip = Ads1x1x::new_ads1115(bus.clone(), TargetAddr::default());
    chip.set_full_scale_range(FullScaleRange::Within4_096V).expect("the mock answers");
    let measure = mesure(|| chip.read(channel::SingleA0).map_err(|error| error.map(of_mock)));
    assert_eq!(measure.map_err(|error| error.to_string()), Err("mock: Other".to_owned()));
    bus.done();
}

/// The mock's error is not an `Error`, as that of a real bus is.
fn of_mock(error: ads1x1x::Error<ErrorKind>) -> ads1x1x::Error<io::Error> {
    match error {
        ads1x1x::Error::I2C(kind) => ads1x1x::Error::I2C(io::Error::other(format!("mock: {kind:?}"))),
        ads1x1x::Error::InvalidInputData => ads1x1x::Error::InvalidInputData,
    }
}

#[cfg(target_os = "linux")]
#[test]
fn each_error_number_of_linux_has_its_remedy() {
    for (errno, remedy) in [
        (2, "raspi-config nonint do_i2c 0"),
        (13, "usermod -aG gpio,i2c"),
        (121, "i2cdetect -y 1"),
        (6, "i2cdetect -y 1"),
        (110, "bus I²C est bloqué"),
        (16, "rmmod ti_ads1015"),
        (5, "SDA"),
        (5000, "échange impossible"),
    ] {
        let sentence = i2c::explain(errno).to_string();
        assert!(sentence.contains(remedy), "{errno}: {sentence}");
    }
}

#[test]
fn simulated_pis_have_different_light_and_each_run_its_own() {
    let day = |name: &str, run: u64| {
        let mut sky = Sky::new(name, run);
        (0..360).map(|_| sky.volts()).collect::<Vec<f64>>()
    };
    assert_eq!(day("denis", 1), day("denis", 1));
    assert_ne!(day("denis", 1), day("WuJitsu", 1));
    assert_ne!(day("denis", 1), day("denis", 2));
    for name in ["denis", "WuJitsu", "Equipe 3", "", "été"] {
        let day = day(name, 0);
        assert!(day.iter().all(|volts| (0.0..=3.3).contains(volts)));
        let brightest = day.iter().copied().fold(f64::MIN, f64::max);
        let darkest = day.iter().copied().fold(f64::MAX, f64::min);
        assert!(brightest - darkest > 1.0, "{name}: {darkest}..{brightest}");
    }
}

/// Looks at the button until it has been pressed `expected` times, then a few times more: the edges, as `ex2` finds them.
#[track_caller]
fn check_typed(text: Vec<u8>, expected: usize) {
    /// An input that never ends: the end would end the program.
    struct Endless(Cursor<Vec<u8>>);

    impl io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => loop {
                    thread::park();
                },
                read => Ok(read),
            }
        }
    }

    let button = Button::reading(io::BufReader::with_capacity(7, Endless(Cursor::new(text))));
    let (mut enfonce, mut presses, mut quiet) = (false, 0, 0);
    while presses < expected || quiet < 50 {
        let lu = button.is_low();
        if lu != enfonce {
            enfonce = lu;
            presses += usize::from(enfonce);
            quiet = 0;
        } else if presses >= expected {
            quiet += 1;
            thread::sleep(Duration::from_millis(1));
        }
    }
    assert_eq!(presses, expected);
}

#[test]
fn each_enter_is_a_press_and_a_release() {
    check_typed(b"\n\n\n".to_vec(), 3);
    check_typed(b"a\r\nb\n".to_vec(), 2);
    check_typed(b"\n\xff\xfe\0\n".to_vec(), 2);
    check_typed(b"no Enter".to_vec(), 0);
    check_typed(vec![b'\n'; 10_000], 10_000);
}

#[cfg(target_os = "linux")]
#[test]
fn each_refusal_of_the_gpio_has_its_remedy() {
    if !crate::common::pi::is_raspberry_pi() {
        let backend = crate::common::pi::Backend::Real;
        let fault = crate::common::pi::button::open(backend, 26).err().expect("not a Pi");
        assert!(fault.to_string().contains("--simulate"), "{fault}");
    }
}

mod exercise_4 {
    use super::ex4_sub::{Valeurs, bloc, luminosite, presents};
    use super::{Duration, Instant};

    const PERIOD: Duration = Duration::from_secs(10);

    /// Values received at the same moment.
    fn received(values: &[(&str, u8)], now: Instant) -> Valeurs {
        values.iter().map(|(host, value)| ((*host).to_owned(), (*value, now))).collect()
    }

    /// What is displayed for these values.
    fn displayed(values: &[(&str, u8)]) -> Option<String> {
        let now = Instant::now();
        bloc(&presents(&received(values, now), now, PERIOD))
    }

    #[test]
    fn the_block_is_the_one_of_the_course() {
        let values = [("denis", 93), ("a", 60), ("b", 40), ("c", 50), ("d", 59)];
        assert_eq!(displayed(&values).as_deref(), Some("Max: denis (93)\nMoy: 60.40\n-------------"));
        let spaces = displayed(&[("Equipe 3", 72)]);
        assert_eq!(spaces.as_deref(), Some("Max: Equipe 3 (72)\nMoy: 72.00\n-------------"));
        assert_eq!(displayed(&[]), None);
    }

    #[test]
    fn on_equal_maxima_the_first_in_alphabetical_order() {
        let max = |values: &[(&str, u8)]| displayed(values).map(|text| text.lines().next().unwrap_or("").to_owned());
        assert_eq!(max(&[("b", 7), ("a", 7), ("c", 7)]).as_deref(), Some("Max: a (7)"));
        assert_eq!(max(&[("WuJitsu", 7), ("denis", 7)]).as_deref(), Some("Max: denis (7)"));
    }

    #[test]
    fn a_pi_silent_for_three_periods_no_longer_counts() {
        let start = Instant::now();
        let mut values = received(&[("denis", 93), ("leo", 7)], start);
        values.insert("leo".to_owned(), (8, start + 2 * PERIOD));
        let names = |now: Instant| presents(&values, now, PERIOD).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(start + 3 * PERIOD - Duration::from_nanos(1)), ["denis", "leo"]);
        assert_eq!(names(start + 3 * PERIOD), ["leo"]);
        assert!(names(start + 5 * PERIOD).is_empty());
    }

    #[test]
    fn only_integers_from_0_to_100() {
        for (good, value) in [("0", 0), ("7", 7), ("007", 7), ("100", 100)] {
            assert_eq!(luminosite(good), Some(value), "{good}");
        }
        for bad in
            ["", "101", "256", "-1", "+5", "1.5", "93%", " 93", "1e1", "allo", "９", "99999999999999999999", "\u{fffd}"]
        {
            assert_eq!(luminosite(bad), None, "{bad}");
        }
    }
}
