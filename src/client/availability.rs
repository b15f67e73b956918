//! Telling others whether the client is there.

use crate::client::Client;
use crate::mqtt::Will;
use crate::outbox::OFFLINE;
use crate::types::{Properties, Qos, Result, check_topic};

/// # Availability
impl<U: Send + Sync + 'static> Client<U> {
    /// Has `topic` say whether the client is there, as Home Assistant's `availability_topic` expects it: "online" at each
    /// connection; "offline" before [`disconnect`](Client::disconnect), and from the broker when the client is lost. Retained,
    /// at QoS 1. Not in paho-python.
    ///
    /// Give the client an id of its own: where a connection is lost and the next one made at once, only a broker that knows that
    /// both are the same client tells the loss before the return.
    ///
    /// Call it before `connect`: it counts from the next connection on, and is the client's will. [`will_set`](Client::will_set)
    /// or [`will_clear`](Client::will_clear) afterwards ends it.
    ///
    /// ```no_run
    /// use rappel as pmc;
    ///
    /// # fn main() -> pmc::Result<()> {
    /// let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2).client_id("serre").build()?;
    /// client.availability("serre/etat")?;
    /// client.connect("mqttbroker.lan", 1883)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`publish`](Client::publish), for what is wrong with a topic.
    pub fn availability(&self, topic: impl Into<String>) -> Result<()> {
        let topic = topic.into();
        check_topic(&topic)?;
        let (payload, properties) = (OFFLINE.into(), Properties::new());
        let will = Will { topic: topic.clone(), payload, qos: Qos::AtLeastOnce, retain: true, properties };
        self.will_is(Some(will), Some(topic));
        Ok(())
    }

    /// Sets or removes the will, which may tell the availability on `topic`.
    pub(super) fn will_is(&self, will: Option<Will>, topic: Option<String>) {
        let events = self.events();
        events.settings(|settings| settings.will = will);
        events.outbox.availability_set(topic);
    }
}
