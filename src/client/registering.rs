//! Registering callbacks.

use crate::callbacks::CallbackResult;
use crate::client::Client;
use crate::types::{ConnectFlags, DisconnectFlags, LogLevel, Message, Properties, ReasonCode, Result, check_filter};

/// # Callbacks
impl<U: Send + Sync + 'static> Client<U> {
    /// Registers the callback that runs when the broker has answered `connect`: `code == 0` means accepted (paho-python: `on_connect`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_connect(|_client, _userdata, _flags, code, _properties| match code.value() {
    ///     0 => println!("Connecté"),
    ///     number => println!("Erreur code {number}: {code}"),
    /// });
    /// ```
    pub fn on_connect<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, ConnectFlags, ReasonCode, &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.connect.set(Some(Box::new(move |subject, flags, code, properties| {
            subject.with(|client, userdata| callback(client, userdata, flags, code, properties))
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_connect`](Client::on_connect) has registered (paho-python: `client.on_connect = None`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_connect(|_, _, _, code, _| println!("{code}"));
    /// client.on_connect_clear();
    /// ```
    pub fn on_connect_clear(&self) {
        self.events().callbacks.connect.set(None);
    }

    /// Registers the callback that runs when an attempt of the loop's to connect got no answer from a broker (paho-python: `on_connect_fail`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_connect_fail(|client, _userdata| eprintln!("no answer from {}", client.host()));
    /// ```
    pub fn on_connect_fail<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events()
            .callbacks
            .connect_fail
            .set(Some(Box::new(move |subject| subject.with(|client, userdata| callback(client, userdata)))));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_connect_fail`](Client::on_connect_fail) has registered (paho-python: `client.on_connect_fail = None`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_connect_fail(|_, _| println!("no answer"));
    /// client.on_connect_fail_clear();
    /// ```
    pub fn on_connect_fail_clear(&self) {
        self.events().callbacks.connect_fail.set(None);
    }

    /// Registers the callback that runs before each attempt to connect (paho-python: `on_pre_connect`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// // A password that expires, fetched anew for each attempt.
    /// client.on_pre_connect(|client, _userdata| {
    ///     client.username_pw_set("serre-1", std::fs::read_to_string("/run/serre/token")?);
    ///     Ok(())
    /// });
    /// ```
    pub fn on_pre_connect<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events()
            .callbacks
            .pre_connect
            .set(Some(Box::new(move |subject| subject.with(|client, userdata| callback(client, userdata)))));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_pre_connect`](Client::on_pre_connect) has registered (paho-python: `client.on_pre_connect = None`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_pre_connect(|_, _| println!("connecting"));
    /// client.on_pre_connect_clear();
    /// ```
    pub fn on_pre_connect_clear(&self) {
        self.events().callbacks.pre_connect.set(None);
    }

    /// Registers the callback that runs once when an accepted connection has ended, whoever ended it (paho-python: `on_disconnect`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_disconnect(|_client, _userdata, flags, code, _properties| {
    ///     let who = if flags.is_disconnect_packet_from_server { "the broker" } else { "this end, or the network" };
    ///     println!("disconnected by {who}: {code}");
    /// });
    /// ```
    pub fn on_disconnect<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, DisconnectFlags, ReasonCode, &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.disconnect.set(Some(Box::new(move |subject, flags, code, properties| {
            subject.with(|client, userdata| callback(client, userdata, flags, code, properties))
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_disconnect`](Client::on_disconnect) has registered (paho-python: `client.on_disconnect = None`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_disconnect(|_, _, _, code, _| println!("{code}"));
    /// client.on_disconnect_clear();
    /// ```
    pub fn on_disconnect_clear(&self) {
        self.events().callbacks.disconnect.set(None);
    }

    /// Registers the callback that runs for each message that no filter of [`message_callback_add`](Client::message_callback_add) matches (paho-python: `on_message`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_message(|_client, _userdata, msg| println!("{}: {}", msg.topic, msg.payload_str()));
    /// ```
    pub fn on_message<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, &Message) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.message.set(Some(Box::new(move |subject, message| {
            subject.with(|client, userdata| callback(client, userdata, message))
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_message`](Client::on_message) has registered (paho-python: `client.on_message = None`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_message(|_, _, msg| println!("{msg:?}"));
    /// client.on_message_clear();
    /// ```
    pub fn on_message_clear(&self) {
        self.events().callbacks.message.set(None);
    }

    /// Registers the callback that runs for each message of ours that is confirmed, with its message id: at QoS 0 written to the network, at
    /// QoS 1 and 2 taken over by the broker, or refused by it (paho-python: `on_publish`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_publish(|_client, _userdata, mid, code, _properties| println!("message #{mid}: {code}"));
    /// ```
    pub fn on_publish<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, u16, ReasonCode, &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.publish.set(Some(Box::new(move |subject, mid, code, properties| {
            subject.with(|client, userdata| callback(client, userdata, mid, code, properties))
        })));
        self.events().queue.on_publish_set(true);
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_publish`](Client::on_publish) has registered (paho-python: `client.on_publish = None`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_publish(|_, _, mid, _, _| println!("{mid}"));
    /// client.on_publish_clear();
    /// ```
    pub fn on_publish_clear(&self) {
        self.events().queue.on_publish_set(false);
        self.events().callbacks.publish.set(None);
    }

    /// Registers the callback that runs when the broker has answered a subscription, with one code per filter (paho-python: `on_subscribe`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_subscribe(|_client, _userdata, mid, codes, _properties| {
    ///     if codes.iter().any(|code| code.is_failure()) {
    ///         eprintln!("subscription #{mid} was refused: {codes:?}");
    ///     }
    /// });
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn on_subscribe<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, u16, &[ReasonCode], &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.subscribe.set(Some(Box::new(move |subject, mid, codes, properties| {
            subject.with(|client, userdata| callback(client, userdata, mid, codes, properties))
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_subscribe`](Client::on_subscribe) has registered (paho-python: `client.on_subscribe = None`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_subscribe(|_, _, mid, _, _| println!("{mid}"));
    /// client.on_subscribe_clear();
    /// ```
    pub fn on_subscribe_clear(&self) {
        self.events().callbacks.subscribe.set(None);
    }

    /// Registers the callback that runs when the broker has answered the end of a subscription (paho-python: `on_unsubscribe`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_unsubscribe(|_client, _userdata, mid, codes, _properties| println!("#{mid} has ended: {codes:?}"));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn on_unsubscribe<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, u16, &[ReasonCode], &Properties) -> R + Send + 'static,
        R: CallbackResult,
    {
        self.events().callbacks.unsubscribe.set(Some(Box::new(move |subject, mid, codes, properties| {
            subject.with(|client, userdata| callback(client, userdata, mid, codes, properties))
        })));
        self.events().queue.expect_loop();
    }

    /// Removes what [`on_unsubscribe`](Client::on_unsubscribe) has registered (paho-python: `client.on_unsubscribe = None`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_unsubscribe(|_, _, mid, _, _| println!("{mid}"));
    /// client.on_unsubscribe_clear();
    /// ```
    pub fn on_unsubscribe_clear(&self) {
        self.events().callbacks.unsubscribe.set(None);
    }

    /// Registers the callback that hears the client's log: each packet that comes or goes, at [`LogLevel::Debug`] and in
    /// paho-python's words, and what goes wrong, at higher levels (paho-python: `on_log`). Payloads and passwords are not in it.
    ///
    /// It runs with the loop, each line in its place between the other callbacks. Where no loop takes the lines, a mebibyte of
    /// them is kept, and how many were left out is told. Without it and [`enable_logger`](Client::enable_logger) packets cost
    /// nothing for the log.
    ///
    /// ```
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_log(|_client, _userdata, level, text| println!("{level}: {text}"));
    /// ```
    pub fn on_log<F, R>(&self, mut callback: F)
    where
        F: FnMut(&Client<U>, &U, LogLevel, &str) -> R + Send + 'static,
        R: CallbackResult,
    {
        let events = self.events();
        events.callbacks.log.set(Some(Box::new(move |subject, level, text| {
            subject.with(|client, userdata| callback(client, userdata, level, text))
        })));
        events.queue.log.callback_set(true);
        events.queue.expect_loop();
    }

    /// Removes what [`on_log`](Client::on_log) has registered (paho-python: `client.on_log = None`).
    ///
    /// ```
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_log_clear();
    /// ```
    pub fn on_log_clear(&self) {
        self.events().queue.log.callback_set(false);
        self.events().callbacks.log.set(None);
    }

    /// Has each packet that comes or goes written to the [`log`] crate's logger, at level debug and with the target `rappel`,
    /// in paho-python's words (paho-python: `enable_logger`). Warnings and errors go there in any case.
    ///
    /// ```
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// // With env_logger in main: RUST_LOG=rappel=debug shows them.
    /// client.enable_logger();
    /// ```
    pub fn enable_logger(&self) {
        self.events().queue.log.logger_set(true);
    }

    /// Ends what [`enable_logger`](Client::enable_logger) began (paho-python: `disable_logger`).
    ///
    /// ```
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.disable_logger();
    /// ```
    pub fn disable_logger(&self) {
        self.events().queue.log.logger_set(false);
    }

    /// Registers a callback for messages whose topic matches `filter`, in the place of an earlier one for the same
    /// filter (paho-python: `message_callback_add`). Every matching callback runs; `on_message` only when none does.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.message_callback_add("serre/+/temperature", |_client, _userdata, msg| {
    ///     let celsius: f64 = msg.payload_as()?;
    ///     println!("{}: {celsius} °C", msg.topic);
    ///     Ok(())
    /// })?;
    /// assert!(client.message_callback_add("serre/#/temperature", |_, _, _| ()).is_err());
    /// # Ok::<(), rappel::Error>(())
    /// ```
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
            Box::new(move |subject, message| subject.with(|client, userdata| callback(client, userdata, message))),
        );
        self.events().queue.expect_loop();
        Ok(())
    }

    /// Removes what `message_callback_add` has registered for `filter`, if anything (paho-python:
    /// `message_callback_remove`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.message_callback_add("serre/#", |_client, _userdata, msg| println!("{}", msg.payload_str()))?;
    /// client.message_callback_remove("serre/#");
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn message_callback_remove(&self, filter: &str) {
        self.events().callbacks.route_remove(filter);
    }
}
