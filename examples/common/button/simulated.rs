//! The simulated button: each line end of an input is a press.

use std::io::{self, BufRead};
use std::sync::mpsc::Sender;

use super::ButtonFault;

/// Sends one value per line end, until the end of the input. What is typed before Enter is ignored.
pub fn send_lines(mut input: impl BufRead, presses: &Sender<()>) -> Result<(), ButtonFault> {
    loop {
        // Whole buffers, not lines: nothing is kept however long a line is, and any bytes will do.
        let bytes = match input.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ButtonFault::Keyboard(error)),
        };
        for _ in bytes.iter().filter(|byte| **byte == b'\n') {
            if presses.send(()).is_err() {
                return Ok(());
            }
        }
        let read = bytes.len();
        input.consume(read);
    }
}
