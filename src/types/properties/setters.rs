//! The chained setters of [`Properties`], one per property a client may send or a test may need.

use super::Properties;

/// Writes one setter per line: its doc names the field, whose own doc says the rest, and sets the value given as an example.
macro_rules! setters {
    ($($setter:ident, $field:ident: $value:ty = $example:literal;)*) => {
        impl Properties {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](crate::types::PropertyFields::", stringify!($field), ").")]
                ///
                /// ```
                #[doc = concat!("let properties = rappel::Properties::new().", stringify!($setter), "(", stringify!($example), ");")]
                #[doc = concat!("assert!(properties.", stringify!($field), ".is_some());")]
                /// ```
                #[must_use]
                pub fn $setter(mut self, value: $value) -> Self {
                    self.$field = Some(value.into());
                    self
                }
            )*
        }
    };
}

setters! {
    with_payload_format_indicator, payload_format_indicator: u8 = 1;
    with_message_expiry_interval, message_expiry_interval: u32 = 30;
    with_content_type, content_type: impl Into<String> = "text/plain";
    with_response_topic, response_topic: impl Into<String> = "serre/reponse";
    with_correlation_data, correlation_data: impl Into<Vec<u8>> = b"42";
    with_session_expiry_interval, session_expiry_interval: u32 = 3600;
    with_assigned_client_identifier, assigned_client_identifier: impl Into<String> = "auto-7";
    with_server_keep_alive, server_keep_alive: u16 = 20;
    with_authentication_method, authentication_method: impl Into<String> = "SCRAM-SHA-1";
    with_authentication_data, authentication_data: impl Into<Vec<u8>> = b"42";
    with_request_problem_information, request_problem_information: bool = false;
    with_will_delay_interval, will_delay_interval: u32 = 10;
    with_request_response_information, request_response_information: bool = true;
    with_response_information, response_information: impl Into<String> = "reponses/";
    with_server_reference, server_reference: impl Into<String> = "broker-2.lan";
    with_reason_string, reason_string: impl Into<String> = "moving to another room";
    with_receive_maximum, receive_maximum: u16 = 20;
    with_topic_alias_maximum, topic_alias_maximum: u16 = 10;
    with_topic_alias, topic_alias: u16 = 1;
    with_maximum_qos, maximum_qos: u8 = 1;
    with_retain_available, retain_available: bool = false;
    with_maximum_packet_size, maximum_packet_size: u32 = 4096;
    with_wildcard_subscription_available, wildcard_subscription_available: bool = false;
    with_subscription_identifier_available, subscription_identifier_available: bool = false;
    with_shared_subscription_available, shared_subscription_available: bool = false;
}

impl Properties {
    /// Appends to [`user_property`](crate::types::PropertyFields::user_property).
    ///
    /// ```
    /// let properties = rappel::Properties::new().with_user_property("room", "B204").with_user_property("room", "B205");
    /// assert_eq!(properties.user_property.len(), 2);
    /// ```
    #[must_use]
    pub fn with_user_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.user_property.push((name.into(), value.into()));
        self
    }

    /// Appends to [`subscription_identifier`](crate::types::PropertyFields::subscription_identifier).
    ///
    /// ```
    /// let properties = rappel::Properties::new().with_subscription_identifier(7);
    /// assert_eq!(properties.subscription_identifier, [7]);
    /// ```
    #[must_use]
    pub fn with_subscription_identifier(mut self, value: u32) -> Self {
        self.subscription_identifier.push(value);
        self
    }
}
