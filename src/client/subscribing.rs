//! Subscribing and unsubscribing.

use crate::client::Client;
use crate::mqtt::Filters;
use crate::types::{
    Error, Properties, PropertyHome, Result, SubscribeOptions, check_filter, check_qos, is_shared, language,
};

/// Every message of a shared subscription may go to any of its clients, its sender among them (MQTT 5, section 3.8.3.1).
fn check_sharing(filter: &str, options: &SubscribeOptions) -> Result<()> {
    if !options.no_local || !is_shared(filter) {
        return Ok(());
    }
    let problem = language().pick(
        "a shared subscription cannot have no_local: whose turn it is gets the message",
        "un abonnement partagé ne peut pas avoir no_local : c'est chacun son tour",
    );
    Err(Error::InvalidFilter { filter: filter.to_owned(), problem })
}

/// # Subscribing
impl<U: Send + Sync + 'static> Client<U> {
    /// Subscribes to a topic filter and gives the message id that `on_subscribe` will be given (paho-python:
    /// `subscribe(topic, qos)`).
    ///
    /// `options` is a bare QoS, 0 to 2, or [`SubscribeOptions`].
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect("mqttbroker.lan", 1883)?;
    /// let mid = client.subscribe("serre/+/temperature", 1)?;
    /// println!("subscription #{mid}: on_subscribe says what became of it");
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidFilter`], [`Error::NulInText`], [`Error::TextTooLong`], [`Error::InvalidQos`];
    /// [`Error::NotConnected`] without a connection; [`Error::PropertiesNeedV5`], [`Error::InvalidProperty`].
    pub fn subscribe(&self, filter: impl Into<String>, options: impl Into<SubscribeOptions>) -> Result<u16> {
        self.subscribe_many([(filter, options)])
    }

    /// Subscribes to several filters in one packet (paho-python: `subscribe([(topic, qos), ..])`).
    ///
    /// Properties of the packet are those of the first filter's options that has any.
    ///
    /// ```no_run
    /// # fn main() -> rappel::Result<()> {
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// # client.connect("localhost", 1883)?;
    /// client.subscribe_many([("serre/#", 1), ("jardin/+/pluie", 0)])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoFilter`] for an empty list; as [`subscribe`](Client::subscribe).
    pub fn subscribe_many<F, O>(&self, filters: impl IntoIterator<Item = (F, O)>) -> Result<u16>
    where
        F: Into<String>,
        O: Into<SubscribeOptions>,
    {
        let filters: Vec<(String, SubscribeOptions)> =
            filters.into_iter().map(|(filter, options)| (filter.into(), options.into())).collect();
        if filters.is_empty() {
            return Err(Error::NoFilter);
        }
        for (filter, options) in &filters {
            check_filter(filter)?;
            check_qos(options.qos)?;
            check_sharing(filter, options)?;
            if options.needs_v5() && !self.events().is_v5() {
                return Err(Error::PropertiesNeedV5);
            }
            options.properties.check(PropertyHome::Subscribe)?;
        }
        let properties =
            filters.iter().map(|(_, options)| &options.properties).find(|properties| !properties.is_empty());
        let properties = properties.cloned().unwrap_or_default();
        self.request("subscribe", Filters::Subscribe(filters), properties)
    }

    fn request(&self, what: &'static str, filters: Filters, properties: Properties) -> Result<u16> {
        let events = self.events();
        if !events.is_under_way() {
            return Err(Error::NotConnected { what });
        }
        events.request(filters, properties)
    }

    /// Ends a subscription and gives the message id that `on_unsubscribe` will be given (paho-python:
    /// `unsubscribe(topic)`).
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.subscribe("serre/#", 1)?;
    /// client.unsubscribe("serre/#")?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`subscribe`](Client::subscribe).
    pub fn unsubscribe(&self, filter: impl Into<String>) -> Result<u16> {
        self.unsubscribe_many([filter])
    }

    /// Ends several subscriptions in one packet (paho-python: `unsubscribe([..])`).
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.subscribe_many([("serre/#", 1), ("jardin/+/pluie", 0)])?;
    /// client.unsubscribe_many(["serre/#", "jardin/+/pluie"])?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoFilter`] for an empty list; as [`subscribe`](Client::subscribe).
    pub fn unsubscribe_many<F: Into<String>>(&self, filters: impl IntoIterator<Item = F>) -> Result<u16> {
        self.unsubscribe_with(filters, Properties::new())
    }

    /// [`unsubscribe_many`](Client::unsubscribe_many) with properties for the packet (paho-python:
    /// `unsubscribe(topic, properties)`).
    ///
    /// ```no_run
    /// # use rappel::{CallbackApiVersion, Client, Properties, Protocol};
    /// # let client = Client::builder(CallbackApiVersion::Version2).protocol(Protocol::V5).build()?;
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.subscribe("serre/#", 1)?;
    /// client.unsubscribe_with(["serre/#"], Properties::new().with_user_property("cause", "hiver"))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`unsubscribe_many`](Client::unsubscribe_many); [`Error::PropertiesNeedV5`], [`Error::InvalidProperty`].
    pub fn unsubscribe_with<F: Into<String>>(
        &self,
        filters: impl IntoIterator<Item = F>,
        properties: Properties,
    ) -> Result<u16> {
        self.check_properties(&properties, PropertyHome::Unsubscribe)?;
        let filters: Vec<String> = filters.into_iter().map(Into::into).collect();
        if filters.is_empty() {
            return Err(Error::NoFilter);
        }
        filters.iter().try_for_each(|filter| check_filter(filter))?;
        self.request("unsubscribe", Filters::Unsubscribe(filters), properties)
    }
}
