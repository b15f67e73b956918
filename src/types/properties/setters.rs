//! The chained setters of [`Properties`], one per property a client may send or a test may need.

use super::Properties;

/// Writes one setter per line: its doc names the field, whose own doc says the rest.
macro_rules! setters {
    ($($setter:ident, $field:ident: $value:ty;)*) => {
        impl Properties {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](crate::types::PropertyFields::", stringify!($field), ").")]
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
    with_payload_format_indicator, payload_format_indicator: u8;
    with_message_expiry_interval, message_expiry_interval: u32;
    with_content_type, content_type: impl Into<String>;
    with_response_topic, response_topic: impl Into<String>;
    with_correlation_data, correlation_data: impl Into<Vec<u8>>;
    with_session_expiry_interval, session_expiry_interval: u32;
    with_assigned_client_identifier, assigned_client_identifier: impl Into<String>;
    with_server_keep_alive, server_keep_alive: u16;
    with_authentication_method, authentication_method: impl Into<String>;
    with_authentication_data, authentication_data: impl Into<Vec<u8>>;
    with_request_problem_information, request_problem_information: bool;
    with_will_delay_interval, will_delay_interval: u32;
    with_request_response_information, request_response_information: bool;
    with_response_information, response_information: impl Into<String>;
    with_server_reference, server_reference: impl Into<String>;
    with_reason_string, reason_string: impl Into<String>;
    with_receive_maximum, receive_maximum: u16;
    with_topic_alias_maximum, topic_alias_maximum: u16;
    with_topic_alias, topic_alias: u16;
    with_maximum_qos, maximum_qos: u8;
    with_retain_available, retain_available: bool;
    with_maximum_packet_size, maximum_packet_size: u32;
    with_wildcard_subscription_available, wildcard_subscription_available: bool;
    with_subscription_identifier_available, subscription_identifier_available: bool;
    with_shared_subscription_available, shared_subscription_available: bool;
}

impl Properties {
    /// Appends to [`user_property`](crate::types::PropertyFields::user_property).
    #[must_use]
    pub fn with_user_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.user_property.push((name.into(), value.into()));
        self
    }

    /// Appends to [`subscription_identifier`](crate::types::PropertyFields::subscription_identifier).
    #[must_use]
    pub fn with_subscription_identifier(mut self, value: u32) -> Self {
        self.subscription_identifier.push(value);
        self
    }
}
