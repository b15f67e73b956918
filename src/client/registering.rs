//! Registering callbacks.

use crate::callbacks::CallbackResult;
use crate::client::Client;
use crate::types::{ConnectFlags, DisconnectFlags, Message, Properties, ReasonCode, Result, check_filter};

impl<U: Send + Sync + 'static> Client<U> {
    /// Registers the callback that runs when the broker has answered `connect`: `code == 0` means accepted (paho-python: `on_connect`).
    pub fn on_connect<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, ConnectFlags, ReasonCode, &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.connect.set(Some(Box::new(move |client, userdata, flags, code, properties| {
            callback(client, userdata, flags, code, properties).into_outcome()
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_connect`](Client::on_connect) has registered (paho-python: `client.on_connect = None`).
    pub fn on_connect_clear(&self) {
        self.events().callbacks.connect.set(None);
    }

    /// Registers the callback that runs when an attempt of the loop's to connect got no answer from a broker (paho-python: `on_connect_fail`).
    pub fn on_connect_fail<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events()
            .callbacks
            .connect_fail
            .set(Some(Box::new(move |client, userdata| callback(client, userdata).into_outcome())));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_connect_fail`](Client::on_connect_fail) has registered (paho-python: `client.on_connect_fail = None`).
    pub fn on_connect_fail_clear(&self) {
        self.events().callbacks.connect_fail.set(None);
    }

    /// Registers the callback that runs before each attempt to connect (paho-python: `on_pre_connect`).
    pub fn on_pre_connect<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events()
            .callbacks
            .pre_connect
            .set(Some(Box::new(move |client, userdata| callback(client, userdata).into_outcome())));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_pre_connect`](Client::on_pre_connect) has registered (paho-python: `client.on_pre_connect = None`).
    pub fn on_pre_connect_clear(&self) {
        self.events().callbacks.pre_connect.set(None);
    }

    /// Registers the callback that runs once when an accepted connection has ended, whoever ended it (paho-python: `on_disconnect`).
    pub fn on_disconnect<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, DisconnectFlags, ReasonCode, &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.disconnect.set(Some(Box::new(move |client, userdata, flags, code, properties| {
            callback(client, userdata, flags, code, properties).into_outcome()
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_disconnect`](Client::on_disconnect) has registered (paho-python: `client.on_disconnect = None`).
    pub fn on_disconnect_clear(&self) {
        self.events().callbacks.disconnect.set(None);
    }

    /// Registers the callback that runs for each message that no filter of [`message_callback_add`](Client::message_callback_add) matches (paho-python: `on_message`).
    pub fn on_message<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, &Message) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events()
            .callbacks
            .message
            .set(Some(Box::new(move |client, userdata, message| callback(client, userdata, message).into_outcome())));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_message`](Client::on_message) has registered (paho-python: `client.on_message = None`).
    pub fn on_message_clear(&self) {
        self.events().callbacks.message.set(None);
    }

    /// Registers the callback that runs for each message of ours that is confirmed, with its message id: at QoS 0 written to the network, at
    /// QoS 1 and 2 taken over by the broker, or refused by it (paho-python: `on_publish`).
    pub fn on_publish<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, u16, ReasonCode, &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.publish.set(Some(Box::new(move |client, userdata, mid, code, properties| {
            callback(client, userdata, mid, code, properties).into_outcome()
        })));
        self.events().queue.on_publish_set(true);
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_publish`](Client::on_publish) has registered (paho-python: `client.on_publish = None`).
    pub fn on_publish_clear(&self) {
        self.events().queue.on_publish_set(false);
        self.events().callbacks.publish.set(None);
    }

    /// Registers the callback that runs when the broker has answered a subscription, with one code per filter (paho-python: `on_subscribe`).
    pub fn on_subscribe<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, u16, &[ReasonCode], &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.subscribe.set(Some(Box::new(move |client, userdata, mid, codes, properties| {
            callback(client, userdata, mid, codes, properties).into_outcome()
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_subscribe`](Client::on_subscribe) has registered (paho-python: `client.on_subscribe = None`).
    pub fn on_subscribe_clear(&self) {
        self.events().callbacks.subscribe.set(None);
    }

    /// Registers the callback that runs when the broker has answered the end of a subscription (paho-python: `on_unsubscribe`).
    pub fn on_unsubscribe<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, u16, &[ReasonCode], &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.unsubscribe.set(Some(Box::new(move |client, userdata, mid, codes, properties| {
            callback(client, userdata, mid, codes, properties).into_outcome()
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_unsubscribe`](Client::on_unsubscribe) has registered (paho-python: `client.on_unsubscribe = None`).
    pub fn on_unsubscribe_clear(&self) {
        self.events().callbacks.unsubscribe.set(None);
    }

    /// Registers a callback for messages whose topic matches `filter`, in the place of an earlier one for the same
    /// filter (paho-python: `message_callback_add`). Every matching callback runs; `on_message` only when none does.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`](crate::Error::InvalidFilter) and the other mistakes a filter may hold.
    pub fn message_callback_add<F, R>(&self, filter: impl Into<String>, mut callback: F) -> Result<()>
    where
        F: FnMut(&Client<U>, &U, &Message) -> R + Send + 'static,
        R: CallbackResult,
    {
        let filter = filter.into();
        check_filter(&filter)?;
        self.events().callbacks.route_add(
            filter,
            Box::new(move |client, userdata, message| callback(client, userdata, message).into_outcome()),
        );
        self.events().queue.expect_loop();
        Ok(())
    }

    /// Removes what `message_callback_add` has registered for `filter`, if anything (paho-python:
    /// `message_callback_remove`).
    pub fn message_callback_remove(&self, filter: &str) {
        self.events().callbacks.route_remove(filter);
    }
}
