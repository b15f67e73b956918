//! Between our values and Paho's.

use paho_mqtt::{PropertyCode as Code, RetainHandling as PahoRetain, SubscribeOptions as PahoSubscribe};

use crate::engine::paho::qos;
use crate::types::{Error, Message, Properties, Result, RetainHandling, SubscribeOptions};

/// A message of Paho's as ours.
pub(crate) fn message(from: &paho_mqtt::Message) -> Message {
    Message::new(from.topic(), from.payload())
        .with_qos(qos(from))
        .with_retain(from.retained())
        .with_properties(read_properties(from.properties()))
}

/// The options of one filter, for MQTT 5.
pub(crate) fn subscribe_options(from: &SubscribeOptions) -> PahoSubscribe {
    let retain = match from.retain_handling {
        RetainHandling::SendOnSubscribe => PahoRetain::SendRetainedOnSubscribe,
        RetainHandling::SendIfNew => PahoRetain::SendRetainedOnNew,
        RetainHandling::DoNotSend => PahoRetain::DontSendRetained,
    };
    PahoSubscribe::new(from.no_local, from.retain_as_published, retain)
}

/// The properties that a client sends with CONNECT, PUBLISH, SUBSCRIBE and UNSUBSCRIBE, as Paho's.
pub(crate) fn properties(from: &Properties) -> Result<paho_mqtt::Properties> {
    write_properties(from).map_err(|error| Error::Engine { problem: format!("a property was not taken: {error}") })
}

fn write_properties(from: &Properties) -> paho_mqtt::Result<paho_mqtt::Properties> {
    let mut to = paho_mqtt::Properties::new();
    if from.is_empty() {
        return Ok(to);
    }
    let flag = |value: Option<bool>| value.map(u8::from);
    for (code, value) in [
        (Code::PayloadFormatIndicator, from.payload_format_indicator),
        (Code::RequestProblemInformation, flag(from.request_problem_information)),
        (Code::RequestResponseInformation, flag(from.request_response_information)),
    ] {
        value.map_or(Ok(()), |value| to.push_byte(code, value))?;
    }
    for (code, value) in [
        (Code::ReceiveMaximum, from.receive_maximum),
        (Code::TopicAliasMaximum, from.topic_alias_maximum),
        (Code::TopicAlias, from.topic_alias),
    ] {
        value.map_or(Ok(()), |value| to.push_u16(code, value))?;
    }
    for (code, value) in [
        (Code::MessageExpiryInterval, from.message_expiry_interval),
        (Code::SessionExpiryInterval, from.session_expiry_interval),
        (Code::MaximumPacketSize, from.maximum_packet_size),
    ] {
        value.map_or(Ok(()), |value| to.push_u32(code, value))?;
    }
    for (code, value) in [
        (Code::ContentType, &from.content_type),
        (Code::ResponseTopic, &from.response_topic),
        (Code::AuthenticationMethod, &from.authentication_method),
    ] {
        value.as_ref().map_or(Ok(()), |value| to.push_string(code, value))?;
    }
    for (code, value) in
        [(Code::CorrelationData, &from.correlation_data), (Code::AuthenticationData, &from.authentication_data)]
    {
        value.as_ref().map_or(Ok(()), |value| to.push_binary(code, value.as_slice()))?;
    }
    for &id in &from.subscription_identifier {
        to.push_int(Code::SubscriptionIdentifier, id as i32)?;
    }
    for (name, value) in &from.user_property {
        to.push_string_pair(Code::UserProperty, name, value)?;
    }
    Ok(to)
}

/// The properties that come with a message.
fn read_properties(from: &paho_mqtt::Properties) -> Properties {
    let mut to = Properties::new();
    if from.is_empty() {
        return to;
    }
    to.payload_format_indicator = from.get_val(Code::PayloadFormatIndicator);
    to.message_expiry_interval = from.get_val(Code::MessageExpiryInterval);
    to.content_type = from.get_string(Code::ContentType);
    to.response_topic = from.get_string(Code::ResponseTopic);
    to.correlation_data = from.get_binary(Code::CorrelationData);
    to.subscription_identifier = from
        .iter(Code::SubscriptionIdentifier)
        .filter_map(|property| property.get_int())
        .filter_map(|id| u32::try_from(id).ok())
        .collect();
    to.user_property = from.user_iter().collect();
    to
}
