//! The push button: each press is one value on a channel.
//!
//! A thread of its own watches the button and only sends, so no press waits for the network.

mod fault;
#[cfg(target_os = "linux")]
mod gpio;
mod simulated;

use std::io::{self, BufRead, BufReader};
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use fault::ButtonFault;
#[cfg(target_os = "linux")]
pub use gpio::is_raspberry_pi;

/// The button's pin, in the numbers of BCM: pin 37 of the header.
#[cfg(target_os = "linux")]
const PIN: u8 = 26;

/// How long we wait for a press before looking whether to stop. It is longer than the debounce, so
/// that a press made just before Ctrl-C is still taken.
const WAIT: Duration = Duration::from_millis(100);

/// A Raspberry Pi runs Linux.
#[cfg(not(target_os = "linux"))]
pub fn is_raspberry_pi() -> bool {
    false
}

/// A button that is being watched.
pub struct Button {
    presses: Receiver<()>,
    watcher: Option<JoinHandle<Result<(), ButtonFault>>>,
    stop: Arc<AtomicBool>,
    /// A thread that reads the keyboard cannot be stopped: it ends with the program.
    can_stop: bool,
}

impl Button {
    /// The button on BCM 26 (pin 37), other leg on GND (pin 39).
    #[cfg(target_os = "linux")]
    pub fn real() -> Result<Self, ButtonFault> {
        let mut pin = gpio::open()?;
        Button::edges(move || gpio::wait(&mut pin))
    }

    /// Without Linux there is no GPIO.
    #[cfg(not(target_os = "linux"))]
    pub fn real() -> Result<Self, ButtonFault> {
        Err(ButtonFault::NotLinux)
    }

    /// The Enter key as a button; the end of the standard input is the end of the presses.
    pub fn simulated() -> Result<Self, ButtonFault> {
        Button::reading(BufReader::new(io::stdin()))
    }

    /// As [`Button::simulated`], on any input.
    pub fn reading(input: impl BufRead + Send + 'static) -> Result<Self, ButtonFault> {
        Button::watch(false, move |presses, _stop| simulated::send_lines(input, &presses))
    }

    /// A button whose edges are told by `next_edge`, as [`Button::real`] has them from its pin.
    pub fn edges(next_edge: impl FnMut() -> Result<bool, ButtonFault> + Send + 'static) -> Result<Self, ButtonFault> {
        Button::watch(true, move |presses, stop| send_edges(&presses, stop, next_edge))
    }

    /// The presses one after the other, until the input ends or `stop` becomes true. Those already
    /// made still come out; a failure of the hardware is the last item.
    pub fn presses(&mut self, stop: &AtomicBool) -> impl Iterator<Item = Result<(), ButtonFault>> {
        iter::from_fn(|| {
            loop {
                let stopping = stop.load(Ordering::Relaxed);
                match self.presses.recv_timeout(WAIT) {
                    Ok(()) => return Some(Ok(())),
                    Err(RecvTimeoutError::Timeout) if stopping => return None,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return self.join().err().map(Err),
                }
            }
        })
    }

    /// Starts the thread that sends the presses.
    fn watch(
        can_stop: bool,
        work: impl FnOnce(Sender<()>, &AtomicBool) -> Result<(), ButtonFault> + Send + 'static,
    ) -> Result<Self, ButtonFault> {
        let (sender, presses) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let watcher = thread::Builder::new()
            .name("bouton".to_owned())
            .spawn(move || work(sender, &asked))
            .map_err(ButtonFault::Io)?;
        Ok(Button { presses, watcher: Some(watcher), stop, can_stop })
    }

    /// Why the thread ended.
    fn join(&mut self) -> Result<(), ButtonFault> {
        match self.watcher.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ButtonFault::Panicked),
            None => Ok(()),
        }
    }
}

impl Drop for Button {
    /// Lets the thread drop the pin: this is what puts it back as it was.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.can_stop {
            let _ = self.join();
        }
    }
}

/// Sends one value per edge until `stop`. `next_edge` waits a little; `false` means no edge yet.
fn send_edges(
    presses: &Sender<()>,
    stop: &AtomicBool,
    mut next_edge: impl FnMut() -> Result<bool, ButtonFault>,
) -> Result<(), ButtonFault> {
    while !stop.load(Ordering::Relaxed) {
        match next_edge() {
            Ok(true) if presses.send(()).is_err() => break,
            Ok(_) => {}
            // Ctrl-Z, then `fg`: the wait was cut short, nothing more.
            Err(ButtonFault::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}
