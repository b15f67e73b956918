//! Which properties a client may send in which packet, and with which values (MQTT 5, sections 3.x.2).

use super::{Properties, PropertyFields};
use crate::types::topic::{MAX_TEXT, check_topic};
use crate::types::{Error, Language, MAX_PAYLOAD, Result, language, tell};

/// The packets in which a client sends properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PropertyHome {
    /// CONNECT (section 3.1.2.11).
    Connect,
    /// The will inside CONNECT (section 3.1.3.2).
    Will,
    /// PUBLISH (section 3.3.2.3), as sent by a client.
    Publish,
    /// SUBSCRIBE (section 3.8.2.1).
    Subscribe,
    /// UNSUBSCRIBE (section 3.10.2.1).
    Unsubscribe,
    /// DISCONNECT (section 3.14.2.2), as sent by a client.
    Disconnect,
}

impl Properties {
    /// Says whether a client may send these properties in `packet`; the error names the first that it may not.
    pub(crate) fn check(&self, packet: PropertyHome) -> Result<()> {
        let Some(fields) = &self.0 else {
            return Ok(());
        };
        fields.check_homes(packet)?;
        fields.check_numbers()?;
        fields.check_texts()
    }
}

impl PropertyFields {
    /// Refuses properties that do not belong in `packet`.
    fn check_homes(&self, packet: PropertyHome) -> Result<()> {
        use PropertyHome::{Connect, Disconnect, Publish, Subscribe, Will};
        if self.authentication_method.is_some() || self.authentication_data.is_some() {
            let problem = tell!(
                language(),
                "the exchange that it begins (AUTH) is not supported; use username_pw_set, or TLS with a client certificate",
                "l'échange qu'elle commence (AUTH) n'est pas pris en charge ; utilisez username_pw_set, ou TLS avec un certificat client"
            );
            return Err(invalid("authentication_method", problem));
        }
        // `user_property` is missing: it may be in every packet.
        macro_rules! homes {
            ($($field:ident: $homes:expr;)*) => {$(
                if self.$field.is_some() {
                    check_home(stringify!($field), packet, &$homes)?;
                }
            )*};
        }
        homes! {
            payload_format_indicator: [Publish, Will];
            message_expiry_interval: [Publish, Will];
            content_type: [Publish, Will];
            response_topic: [Publish, Will];
            correlation_data: [Publish, Will];
            session_expiry_interval: [Connect, Disconnect];
            assigned_client_identifier: [];
            server_keep_alive: [];
            request_problem_information: [Connect];
            will_delay_interval: [Will];
            request_response_information: [Connect];
            response_information: [];
            server_reference: [];
            reason_string: [Disconnect];
            receive_maximum: [Connect];
            topic_alias_maximum: [Connect];
            topic_alias: [Publish];
            maximum_qos: [];
            retain_available: [];
            maximum_packet_size: [Connect];
            wildcard_subscription_available: [];
            subscription_identifier_available: [];
            shared_subscription_available: [];
        }
        match self.subscription_identifier.len() {
            0 => Ok(()),
            1 => check_home("subscription_identifier", packet, &[Subscribe]),
            count => Err(invalid(
                "subscription_identifier",
                tell!(
                    language(),
                    "{count} were given, but only one can be sent",
                    "il y en a {count}, mais une seule peut être transmise"
                ),
            )),
        }
    }

    /// Refuses numbers outside the range of their property.
    fn check_numbers(&self) -> Result<()> {
        // A packet, or an identifier, of more than `MAX_PAYLOAD` cannot be written in MQTT's four-byte integers.
        let four_bytes = 1..=MAX_PAYLOAD as u32;
        if let Some(value) = self.payload_format_indicator.filter(|value| *value > 1) {
            return Err(invalid(
                "payload_format_indicator",
                tell!(
                    language(),
                    "{value} is neither 0 (bytes) nor 1 (text)",
                    "{value} n'est ni 0 (octets) ni 1 (texte)"
                ),
            ));
        }
        for (property, value) in [("receive_maximum", self.receive_maximum), ("topic_alias", self.topic_alias)] {
            if value == Some(0) {
                return Err(invalid(
                    property,
                    tell!(language(), "0 is not allowed: use 1 to 65535", "0 est interdit : utilisez 1 à 65535"),
                ));
            }
        }
        let identifiers = self.subscription_identifier.iter().map(|value| ("subscription_identifier", *value));
        let sizes = self.maximum_packet_size.map(|value| ("maximum_packet_size", value));
        for (property, value) in identifiers.chain(sizes) {
            if !four_bytes.contains(&value) {
                return Err(invalid(
                    property,
                    tell!(
                        language(),
                        "{value} is not in 1 to {MAX_PAYLOAD}",
                        "{value} n'est pas entre 1 et {MAX_PAYLOAD}"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Refuses texts and binary data that cannot be written.
    fn check_texts(&self) -> Result<()> {
        for (property, text) in [
            ("content_type", &self.content_type),
            ("response_topic", &self.response_topic),
            ("reason_string", &self.reason_string),
        ] {
            check_property_text(property, text.as_deref().unwrap_or_default())?;
        }
        for (name, value) in &self.user_property {
            check_property_text("user_property", name)?;
            check_property_text("user_property", value)?;
        }
        check_len("correlation_data", self.correlation_data.as_ref().map_or(0, Vec::len))?;
        if let Some(Err(error)) = self.response_topic.as_deref().map(check_topic) {
            return Err(invalid("response_topic", error));
        }
        Ok(())
    }
}

impl PropertyHome {
    fn name(self, language: Language) -> &'static str {
        match self {
            Self::Connect => language.pick("a CONNECT packet", "un paquet CONNECT"),
            Self::Will => language.pick("a will", "un testament"),
            Self::Publish => language.pick("a PUBLISH packet", "un paquet PUBLISH"),
            Self::Subscribe => language.pick("a SUBSCRIBE packet", "un paquet SUBSCRIBE"),
            Self::Unsubscribe => language.pick("an UNSUBSCRIBE packet", "un paquet UNSUBSCRIBE"),
            Self::Disconnect => language.pick("a DISCONNECT packet", "un paquet DISCONNECT"),
        }
    }
}

/// Refuses `property` unless `packet` is one of its `homes`; one without homes is only ever sent by brokers.
fn check_home(property: &'static str, packet: PropertyHome, homes: &[PropertyHome]) -> Result<()> {
    if homes.contains(&packet) {
        return Ok(());
    }
    let language = language();
    let packet = packet.name(language);
    let homes: Vec<String> =
        homes.iter().map(|home| home.name(language)).map(|home| tell!(language, "in {home}", "dans {home}")).collect();
    let place = if homes.is_empty() {
        language.pick("by the broker", "par le broker").to_owned()
    } else {
        homes.join(language.pick(" or ", " ou "))
    };
    let problem = tell!(
        language,
        "a client cannot send it in {packet}; it is only sent {place}",
        "un client ne peut pas la transmettre dans {packet} ; elle n'est transmise que {place}"
    );
    Err(invalid(property, problem))
}

fn check_property_text(property: &'static str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(invalid(
            property,
            tell!(
                language(),
                "{text:?} contains a NUL character, which MQTT forbids",
                "{text:?} contient un caractère NUL, que MQTT interdit"
            ),
        ));
    }
    check_len(property, text.len())
}

fn check_len(property: &'static str, len: usize) -> Result<()> {
    if len > MAX_TEXT {
        return Err(invalid(
            property,
            tell!(
                language(),
                "{len} bytes are too long; at most {MAX_TEXT} can be sent",
                "{len} octets sont de trop ; {MAX_TEXT} au plus peuvent être transmis"
            ),
        ));
    }
    Ok(())
}

fn invalid(property: &'static str, problem: impl ToString) -> Error {
    Error::InvalidProperty { property, problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::PropertyHome::{Connect, Disconnect, Publish, Subscribe, Unsubscribe, Will};
    use super::*;

    const HOMES: [PropertyHome; 6] = [Connect, Will, Publish, Subscribe, Unsubscribe, Disconnect];

    fn new() -> Properties {
        Properties::new()
    }

    #[test]
    fn each_property_has_its_homes() {
        let expected: [(Properties, &[PropertyHome]); 16] = [
            (new(), &HOMES),
            (new().with_user_property("a", ""), &HOMES),
            (new().with_payload_format_indicator(1), &[Publish, Will]),
            (new().with_message_expiry_interval(0), &[Publish, Will]),
            (new().with_response_topic("a"), &[Publish, Will]),
            (new().with_correlation_data(*b"a"), &[Publish, Will]),
            (new().with_subscription_identifier(1), &[Subscribe]),
            (new().with_session_expiry_interval(u32::MAX), &[Connect, Disconnect]),
            (new().with_authentication_method("m"), &[]),
            (new().with_authentication_data("d"), &[]),
            (new().with_will_delay_interval(1), &[Will]),
            (new().with_topic_alias(1), &[Publish]),
            (new().with_topic_alias_maximum(0), &[Connect]),
            (new().with_reason_string("bye"), &[Disconnect]),
            (new().with_server_reference("x"), &[]),
            (new().with_retain_available(true), &[]),
        ];
        for (properties, homes) in expected {
            for home in HOMES {
                assert_eq!(properties.check(home).is_ok(), homes.contains(&home), "{properties:?} in {home:?}");
            }
        }
    }

    #[test]
    fn values_out_of_range() {
        let expected = [
            (new().with_payload_format_indicator(2), Publish),
            (new().with_topic_alias(0), Publish),
            (new().with_receive_maximum(0), Connect),
            (new().with_maximum_packet_size(0), Connect),
            (new().with_maximum_packet_size(268_435_456), Connect),
            (new().with_subscription_identifier(0), Subscribe),
            (new().with_subscription_identifier(268_435_456), Subscribe),
            (new().with_subscription_identifier(1).with_subscription_identifier(2), Subscribe),
            (new().with_content_type("a\0"), Publish),
            (new().with_content_type("a".repeat(65_536)), Publish),
            (new().with_correlation_data(vec![0; 65_536]), Publish),
            (new().with_response_topic(""), Publish),
            (new().with_response_topic("a/#"), Will),
            (new().with_user_property("a\0", ""), Publish),
            (new().with_user_property("", "\0"), Unsubscribe),
        ];
        for (properties, home) in expected {
            let result = properties.check(home);
            assert!(matches!(result, Err(Error::InvalidProperty { .. })), "{properties:?} in {home:?}: {result:?}");
        }
        let limit = new().with_correlation_data(vec![0; 65_535]).with_content_type("a".repeat(65_535));
        assert!(limit.check(Publish).is_ok());
        assert!(new().with_maximum_packet_size(268_435_455).check(Connect).is_ok());
    }

    #[test]
    fn the_message_says_where_it_belongs() {
        let text = |properties: Properties, home| properties.check(home).map_err(|error| error.to_string());
        assert_eq!(
            text(new().with_topic_alias(1), Will),
            Err("property topic_alias is not valid: a client cannot send it in a will; it is only sent in a PUBLISH packet"
                .to_owned())
        );
        assert_eq!(
            text(new().with_maximum_qos(1), Publish),
            Err("property maximum_qos is not valid: a client cannot send it in a PUBLISH packet; it is only sent by the broker"
                .to_owned())
        );
    }
}
