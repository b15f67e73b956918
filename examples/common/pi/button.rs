//! The push button: a pin that is low while it is pressed, or the Enter key.

use std::cell::Cell;
use std::io::{self, BufRead};
use std::process;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use super::super::Fault;
use super::Backend;

/// At the end of the keyboard's input: the time for what has just been published to be confirmed.
const FAREWELL: Duration = Duration::from_secs(1);

/// The pin of a button, as rppal's `InputPin` has it.
pub enum Button {
    /// On a Pi.
    #[cfg(target_os = "linux")]
    Pin(super::gpio::InputPin),
    /// The Enter key: each line is a press, and the end of the input ends the program.
    Keyboard {
        /// The lines not yet seen as a press.
        lines: Receiver<()>,
        /// At the last look it was pressed: at the next it is not.
        pressed: Cell<bool>,
    },
}

impl Button {
    /// Whether it is pressed now.
    pub fn is_low(&self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Button::Pin(pin) => pin.is_low(),
            Button::Keyboard { pressed, .. } if pressed.take() => false,
            Button::Keyboard { lines, pressed } => match lines.try_recv() {
                Ok(()) => {
                    pressed.set(true);
                    true
                }
                Err(TryRecvError::Empty) => false,
                Err(TryRecvError::Disconnected) => {
                    thread::sleep(FAREWELL);
                    process::exit(0)
                }
            },
        }
    }

    /// The lines of this input as presses.
    pub fn reading(mut input: impl BufRead + Send + 'static) -> Self {
        let (press, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut line = Vec::new();
            // Nobody looks at the presses any more when the program is ending.
            while input.read_until(b'\n', &mut line).is_ok_and(|_| line.ends_with(b"\n")) && press.send(()).is_ok() {
                line.clear();
            }
        });
        Button::Keyboard { lines, pressed: Cell::new(false) }
    }
}

/// The button on this pin, or the keyboard, announced on stderr.
pub fn open(backend: Backend, pin: u8) -> Result<Button, Fault> {
    if backend == Backend::Real {
        #[cfg(target_os = "linux")]
        return super::gpio::open(pin).map(Button::Pin);
        #[cfg(not(target_os = "linux"))]
        return Err(Fault::new(format!(
            "le vrai bouton (BCM {pin}) demande Linux sur un Raspberry Pi : essayez `--simulate`"
        )));
    }
    backend.announce("bouton simulé, chaque appui sur Entrée est un clic, Ctrl-C termine");
    Ok(Button::reading(io::BufReader::new(io::stdin())))
}
