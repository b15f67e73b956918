//! What a callback may return.

use std::error::Error;

/// What a callback returns: nothing, or a `Result<(), Box<dyn Error>>`, so that `?` works inside it.
///
/// An `Err` is logged with the callback's name and topic, and the loop goes on (paho-python: an exception in a callback
/// ends the loop, unless `suppress_exceptions` is set).
///
/// ```
/// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// client.on_message(|_client, _userdata, msg| println!("{}", msg.payload_str()));
/// client.on_message(|client, _userdata, msg| {
///     let celsius: f64 = msg.payload_str().parse()?;
///     client.publish("fahrenheit", celsius * 1.8 + 32.0, 0)?;
///     Ok(())
/// });
/// ```
///
/// There is one `Result` only, so that the closure needs no type for its errors: `?` turns every error into it. A function
/// that returns another one, such as [`rappel::Result<()>`](crate::Result), is called from a closure:
///
/// ```
/// use rappel as pmc;
///
/// fn echo(client: &pmc::Client, msg: &pmc::Message) -> pmc::Result<()> {
///     client.publish("echo", msg.payload_str().into_owned(), 0)?;
///     Ok(())
/// }
///
/// let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
/// client.on_message(|client, _userdata, msg| Ok(echo(client, msg)?));
/// ```
#[diagnostic::on_unimplemented(
    message = "a callback cannot return `{Self}`",
    label = "this callback returns `{Self}`",
    note = "a callback returns `()` or `Result<(), Box<dyn std::error::Error>>`: end it with `;`, or with `Ok(())` after calls with `?`"
)]
pub trait CallbackResult: sealed::Sealed {
    /// The error to be logged, if there is one.
    #[doc(hidden)]
    fn into_outcome(self) -> Outcome;
}

/// What is left of a callback that has returned.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// What a closure returns that never does, such as one that ends the program.
type Never = <fn() -> ! as sealed::Returning>::Output;

mod sealed {
    pub trait Sealed {}

    /// Gives the type that a function returns a name, which `!` does not have outside of one.
    pub trait Returning {
        type Output;
    }

    impl<T> Returning for fn() -> T {
        type Output = T;
    }
}

impl sealed::Sealed for () {}

impl CallbackResult for () {
    fn into_outcome(self) -> Outcome {
        Ok(())
    }
}

impl sealed::Sealed for Outcome {}

impl CallbackResult for Outcome {
    fn into_outcome(self) -> Outcome {
        self
    }
}

impl sealed::Sealed for Never {}

impl CallbackResult for Never {
    fn into_outcome(self) -> Outcome {
        self
    }
}
