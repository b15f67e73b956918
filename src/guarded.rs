//! The one place where a panic of foreign code ends.
//!
//! Foreign code is whatever the program brings along: callbacks, wakers, and the drop of a value that one of them holds.
//! It is entered through [`guarded`] alone, with no lock of ours held.

mod result;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::types::{Notice, language};

pub use result::CallbackResult;
pub(crate) use result::Outcome;

/// Runs foreign code. A panic in it, or an error that it returns, is reported and goes no further; what was reported is
/// given back.
pub(crate) fn guarded<R: CallbackResult>(name: impl FnOnce() -> String, run: impl FnOnce() -> R) -> Option<String> {
    // The text of the error is the program's code too.
    let ended = catch_unwind(AssertUnwindSafe(|| run().into_outcome().map_err(|error| error.to_string())));
    let panic = match ended {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => return Some(reported(&Notice::CallbackFailed { name: name(), error })),
        Err(panic) => panic,
    };
    let panic = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&str>() {
            Ok(text) => text.to_string(),
            Err(panic) => {
                // Dropping it would run the program's code once more, and might panic again.
                std::mem::forget(panic);
                language().pick("no text", "sans texte").to_owned()
            }
        },
    };
    Some(reported(&Notice::CallbackPanicked { name: name(), panic }))
}

fn reported(notice: &Notice) -> String {
    let text = notice.to_string();
    log::error!("{text}");
    text
}
