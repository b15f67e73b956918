//! The options of `loop_forever`.

/// How `loop_forever` runs.
///
/// paho-python: the arguments of `loop_forever()`. Its `timeout`, which only tunes Python's own polling, has no use here.
///
/// ```
/// use rappel::LoopOptions;
///
/// let options = LoopOptions::new().retry_first_connection(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct LoopOptions {
    /// Whether a failed first connection is tried again.
    pub(crate) retry_first_connection: bool,
}

impl LoopOptions {
    /// A failed first connection ends the loop.
    ///
    /// ```
    /// use rappel::LoopOptions;
    ///
    /// assert_eq!(LoopOptions::new(), LoopOptions::new().retry_first_connection(false));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// After `connect_async`: `true` to keep trying when the first connection fails, `false` (default) to return its
    /// error. Later connections are retried either way.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::LoopOptions;
    ///
    /// client.connect_async("mqttbroker.lan", 1883)?;
    /// client.loop_forever_with(LoopOptions::new().retry_first_connection(true))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn retry_first_connection(mut self, retry: bool) -> Self {
        self.retry_first_connection = retry;
        self
    }
}
