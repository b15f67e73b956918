//! The one place where a panic of foreign code ends.
//!
//! Foreign code is whatever the program brings along: callbacks, wakers, and the drop of a value that one of them holds.
//! It is entered through [`guarded`] alone, with no lock of ours held.

mod result;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::types::{Notice, language};

pub use result::CallbackResult;
pub(crate) use result::Outcome;

/// Runs foreign code. A panic in it, or an error that it returns, is reported and goes no further; what was reported is
/// given back.
pub(crate) fn guarded<R: CallbackResult>(name: impl Fn() -> String, run: impl FnOnce() -> R) -> Option<String> {
    let mut run = Some(run);
    guard(&name, &mut || run.take().map_or(Ok(()), |run| run().into_outcome()))
}

/// The same for closures of every type, so that the program holds it once.
fn guard(name: &dyn Fn() -> String, run: &mut dyn FnMut() -> Outcome) -> Option<String> {
    // The text of the error is the program's code too.
    match catch_unwind(AssertUnwindSafe(|| run().map_err(|error| error.to_string()))) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(reported(&Notice::CallbackFailed { name: name(), error })),
        Err(panic) => Some(reported(&Notice::CallbackPanicked { name: name(), panic: text_of(panic) })),
    }
}

fn text_of(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&str>() {
            Ok(text) => text.to_string(),
            Err(panic) => {
                // Dropping it would run the program's code once more, and might panic again.
                std::mem::forget(panic);
                language().pick("no text", "sans texte").to_owned()
            }
        },
    }
}

fn reported(notice: &Notice) -> String {
    let text = notice.to_string();
    log::error!("{text}");
    text
}
