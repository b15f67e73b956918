//! Button and light sensor without hardware: the real driver on a simulated chip, and scripted edges.

use std::collections::VecDeque;
use std::io::{self, Cursor};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use embedded_hal::i2c::ErrorKind;
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};

use crate::common::button::{Button, ButtonFault};
use crate::common::light::{self, Light, LightFault, LightSensor, SimulatedAds1115};

/// A sensor with `volts` on its input A0.
fn sensor(volts: f64) -> LightSensor<SimulatedAds1115<impl FnMut(usize) -> f64>> {
    let chip = SimulatedAds1115::new(move |input| if input == 0 { volts } else { 1.234 });
    LightSensor::new(chip).expect("the simulated chip answers")
}

/// What the real driver and our conversion make of a voltage.
#[track_caller]
fn check(volts: f64, raw: i16, percent: u8) {
    let mut sensor = sensor(volts);
    assert_eq!(sensor.raw().expect("a measure"), raw);
    assert_eq!(sensor.percent().expect("a second measure"), percent);
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
fn each_measure_is_a_new_one() {
    // The first one is lost: the driver starts a measure when it sets the range, but of A0 against A1.
    let mut volts = [1.65, 3.3, 0.0].into_iter().cycle();
    let chip = SimulatedAds1115::new(move |input| if input == 0 { volts.next().unwrap_or(0.0) } else { 0.0 });
    let mut sensor = LightSensor::new(chip).expect("the simulated chip answers");
    let measures: Vec<u8> = (0..6).map(|_| sensor.percent().expect("a measure")).collect();
    assert_eq!(measures, [100, 0, 50, 100, 0, 50]);
}

#[test]
fn an_absent_chip_is_noticed_at_the_start() {
    let fault = LightSensor::new(SimulatedAds1115::new(|_| 0.0).at(0x49)).err().expect("nobody at 0x48");
    assert!(matches!(fault, LightFault::NoAnswer));
    assert!(fault.to_string().contains("i2cdetect -y 1"), "{fault}");
}

#[test]
fn a_chip_that_is_never_ready_does_not_hang_the_program() {
    let chip = SimulatedAds1115::new(|_| 0.0).lasting(u32::MAX);
    let mut sensor = LightSensor::new(chip).expect("the simulated chip answers");
    let start = Instant::now();
    assert!(matches!(sensor.percent(), Err(LightFault::NeverReady)));
    assert!(start.elapsed() >= Duration::from_millis(90), "a slow chip gets its time");
}

#[test]
fn a_slow_chip_is_waited_for() {
    let chip = SimulatedAds1115::new(|_| 3.3).lasting(24);
    let mut sensor = LightSensor::new(chip).expect("the simulated chip answers");
    assert_eq!(sensor.percent().expect("a measure"), 100);
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
    let mut sensor = LightSensor::new(bus.clone()).expect("the mock answers");
    assert_eq!(sensor.percent().expect("a measure"), 50);
    bus.done();
}

#[test]
fn a_chip_unplugged_meanwhile_is_an_error() {
    let mut bus = Mock::new(&[
        Transaction::write(0x48, vec![0x01, 0x83, 0x83]),
        Transaction::write_read(0x48, vec![0x01], vec![0, 0]).with_error(ErrorKind::Other),
    ]);
    let mut sensor = LightSensor::new(bus.clone()).expect("the mock answers");
    assert!(matches!(sensor.percent(), Err(LightFault::Other(_))));
    bus.done();
}

#[test]
fn simulated_pis_have_different_light() {
    let measures = |name| {
        let mut light = light::simulated(name).expect("a simulated sensor");
        (0..5).map(|_| light.percent().expect("a measure")).collect::<Vec<_>>()
    };
    assert_eq!(measures("denis"), measures("denis"));
    assert_ne!(measures("denis"), measures("WuJitsu"));
}

/// How many presses a button gives, and the fault that ended it.
fn presses(mut button: Button) -> (usize, Option<ButtonFault>) {
    let never = AtomicBool::new(false);
    let (pressed, failed): (Vec<_>, Vec<_>) = button.presses(&never).partition(Result::is_ok);
    (pressed.len(), failed.into_iter().find_map(Result::err))
}

/// How many presses the keyboard input `text` is.
#[track_caller]
fn check_typed(text: &'static [u8], expected: usize) {
    let button = Button::reading(Cursor::new(text)).expect("a thread");
    let (count, fault) = presses(button);
    assert_eq!(count, expected);
    assert!(fault.is_none(), "{fault:?}");
}

#[test]
fn each_enter_is_a_press_and_the_end_of_input_ends_them() {
    check_typed(b"", 0);
    check_typed(b"\n\n\n", 3);
    check_typed(b"a\r\nb\n", 2);
    check_typed(b"\n\xff\xfe\0\n", 2);
    check_typed(b"no Enter", 0);
}

#[test]
fn a_very_long_input_loses_no_press() {
    let button = Button::reading(io::BufReader::with_capacity(7, Cursor::new(vec![b'\n'; 100_000]))).expect("a thread");
    assert_eq!(presses(button).0, 100_000);
}

#[test]
fn a_keyboard_that_fails_is_an_error() {
    struct Broken;

    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("débranché"))
        }
    }

    let button = Button::reading(io::BufReader::new(Broken)).expect("a thread");
    let (count, fault) = presses(button);
    assert_eq!(count, 0);
    assert!(matches!(fault, Some(ButtonFault::Keyboard(_))), "{fault:?}");
}

/// A button whose pin gives these answers, one after the other, then fails.
fn pin(answers: Vec<Result<bool, ButtonFault>>) -> Button {
    let mut answers = VecDeque::from(answers);
    Button::edges(move || answers.pop_front().unwrap_or(Err(ButtonFault::NoSuchPin))).expect("a thread")
}

#[test]
fn each_edge_is_a_press() {
    let (count, fault) = presses(pin(vec![Ok(false), Ok(true), Ok(false), Ok(true), Ok(true)]));
    assert_eq!(count, 3);
    assert!(matches!(fault, Some(ButtonFault::NoSuchPin)), "{fault:?}");
}

#[test]
fn an_interrupted_wait_goes_on() {
    let interrupted = || Err(ButtonFault::Io(io::ErrorKind::Interrupted.into()));
    let (count, _) = presses(pin(vec![Ok(true), interrupted(), interrupted(), Ok(true)]));
    assert_eq!(count, 2);
}

#[test]
fn the_fault_comes_after_the_presses_made_before_it() {
    let lost = ButtonFault::Io(io::Error::other("perdu"));
    let (count, fault) = presses(pin(vec![Ok(true), Ok(true), Err(lost)]));
    assert_eq!(count, 2);
    assert!(matches!(fault, Some(ButtonFault::Io(_))), "{fault:?}");
}

#[test]
fn a_press_made_just_before_the_stop_is_taken() {
    let (edges, pin) = mpsc::channel();
    let mut button = Button::edges(move || Ok(pin.recv_timeout(Duration::from_millis(20)).is_ok())).expect("a thread");
    let stopped = AtomicBool::new(true);
    edges.send(()).expect("the watcher lives");
    edges.send(()).expect("the watcher lives");
    assert_eq!(button.presses(&stopped).filter(Result::is_ok).count(), 2);
}

#[test]
fn dropping_a_button_lets_its_pin_go() {
    let (held, released) = mpsc::channel::<()>();
    let button = Button::edges(move || {
        let _pin = &held;
        Ok(false)
    });
    drop(button);
    assert_eq!(released.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}
