//! The handle on a published message.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Instant;

use crate::client::{Client, Core};
use crate::mqtt::{Completion, Stage};
use crate::types::{Error, ErrorCode, IntoTimeout, Result, check_timeout};

/// A published message on its way (paho-python: `MQTTMessageInfo`).
///
/// ```no_run
/// # fn main() -> rappel::Result<()> {
/// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// # client.connect("localhost", 1883)?;
/// let info = client.publish("test", "Voici un message", 2)?;
/// info.wait_for_publish(5)?;
/// assert!(info.is_published());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MessageInfo {
    completion: Arc<Completion>,
    driver: Weak<dyn Driver>,
}

/// What a message's handle needs of its client.
pub(crate) trait Driver: Send + Sync {
    /// Waits for the confirmation; `Ok(false)` when it has not come by `deadline`.
    fn wait(self: Arc<Self>, completion: &Completion, deadline: Option<Instant>) -> Result<bool>;
    /// Whether a loop of the program's runs.
    fn is_looping(&self) -> bool;
}

impl<U: Send + Sync + 'static> Driver for Core<U> {
    fn wait(self: Arc<Self>, completion: &Completion, deadline: Option<Instant>) -> Result<bool> {
        self.events.wait_for_publish(&Client::passing(&self), completion, deadline)
    }

    fn is_looping(&self) -> bool {
        self.events.loop_lock.is_looping()
    }
}

impl MessageInfo {
    pub(crate) fn new<U: Send + Sync + 'static>(completion: Arc<Completion>, core: &Arc<Core<U>>) -> Self {
        let driver: Weak<Core<U>> = Arc::downgrade(core);
        MessageInfo { completion, driver }
    }

    /// The message id, 1 to 65,535, that `on_publish` will be given (paho-python: `mid`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// let info = client.publish("test", "Voici un message", 1)?;
    /// assert_eq!(info.mid(), 1);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn mid(&self) -> u16 {
        self.completion.mid()
    }

    /// `Success`, or `NoConn` for a message that was queued without a connection (paho-python: `rc`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::ErrorCode;
    ///
    /// let info = client.publish("test", "sent with the next connection", 1)?;
    /// assert_eq!(info.rc(), ErrorCode::NoConn);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn rc(&self) -> ErrorCode {
        if self.completion.was_connected() { ErrorCode::Success } else { ErrorCode::NoConn }
    }

    /// Whether the message is confirmed: written to the network at QoS 0, taken over by the broker above
    /// (paho-python: `is_published`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// let info = client.publish("test", "sent with the next connection", 1)?;
    /// assert!(!info.is_published());
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.completion.stage() >= Stage::Confirmed && self.completion.result().is_ok()
    }

    /// Waits until the message is confirmed, at most `timeout`, in seconds or as a `Duration`; `None` waits as long as it
    /// takes (paho-python: `wait_for_publish`).
    ///
    /// Where a loop runs, `on_publish` has returned before this does; where none runs, this runs it. Inside a
    /// callback it waits for the confirmation alone, and `on_publish` follows.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect("mqttbroker.lan", 1883)?;
    /// let info = client.publish("test", "Voici un message", 2)?;
    /// if let Err(error) = info.wait_for_publish(5) {
    ///     eprintln!("not confirmed within 5 seconds: {error}");
    /// }
    /// info.wait_for_publish(None)?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Timeout`]: not yet confirmed, it may still be. [`Error::PublishRefused`]: the broker refused it.
    /// [`Error::MessageExpired`]: it was not sent in time.
    /// [`Error::NotConnected`]: nothing can confirm it now, it is kept. [`Error::Dropped`]: the client is gone.
    /// [`Error::InvalidSeconds`]: the timeout is none.
    pub fn wait_for_publish(&self, timeout: impl IntoTimeout) -> Result<()> {
        let timeout = check_timeout("wait_for_publish", timeout)?;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let confirmed = match self.driver.upgrade() {
            Some(driver) => driver.wait(&self.completion, deadline)?,
            None => {
                self.completion.finish(Err(Error::Dropped));
                self.completion.result()?;
                true
            }
        };
        if confirmed {
            Ok(())
        } else {
            Err(Error::Timeout { what: "wait_for_publish", after: timeout.unwrap_or_default() })
        }
    }
}

impl std::fmt::Debug for MessageInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageInfo").field("mid", &self.mid()).field("is_published", &self.is_published()).finish()
    }
}

impl IntoFuture for MessageInfo {
    type Output = Result<()>;
    type IntoFuture = PublishFuture;

    fn into_future(self) -> PublishFuture {
        PublishFuture { info: self }
    }
}

/// Ready when its message is confirmed; made by awaiting a [`MessageInfo`], on any runtime.
///
/// Where a loop runs, `on_publish` has returned first. Where none runs, `on_publish` waits for one.
///
/// ```
/// # async fn report(client: rappel::Client) -> rappel::Result<()> {
/// client.publish("serre/temperature", 21.5, 1)?.await?;
/// println!("the broker has it");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct PublishFuture {
    info: MessageInfo,
}

impl Future for PublishFuture {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let looping = self.info.driver.upgrade().is_some_and(|driver| driver.is_looping());
        let stage = if looping { Stage::CallbackDone } else { Stage::Confirmed };
        if self.info.completion.wake_at(stage, context.waker()) {
            return Poll::Ready(self.info.completion.result());
        }
        Poll::Pending
    }
}
