//! MQTT 5's extra fields of packets, cheap to carry about when there are none.

mod check;
mod fields;
mod setters;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

pub use fields::PropertyFields;

pub(crate) use check::PropertyHome;

/// The properties of a packet (MQTT 5, section 2.2.2), given to calls and received by callbacks.
///
/// The fields are those of [`PropertyFields`], read and written directly (`properties.reason_string`) or set in a chain
/// (`with_...`). Which properties a packet may have is checked by the call that sends it. Over MQTT 3.1.1 those received
/// are always empty. paho-python: `Properties`; no packet type is needed here.
///
/// ```
/// use rappel::Properties;
///
/// let mut properties = Properties::new().with_message_expiry_interval(30).with_user_property("room", "B204");
/// properties.content_type = Some("text/plain".to_owned());
/// assert_eq!(properties.message_expiry_interval, Some(30));
/// assert_eq!(properties.user_property, [("room".to_owned(), "B204".to_owned())]);
/// assert!(Properties::new().is_empty());
/// ```
#[derive(Clone, Default)]
pub struct Properties(
    /// Clones share it until one of them is changed.
    Option<Arc<PropertyFields>>,
);

impl Properties {
    /// No properties; allocates nothing.
    ///
    /// ```
    /// use rappel::Properties;
    ///
    /// assert_eq!(Properties::new(), Properties::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Whether no property is set. paho-python: `isEmpty()`.
    ///
    /// ```
    /// use rappel::Properties;
    ///
    /// assert!(Properties::new().is_empty());
    /// assert!(!Properties::new().with_reason_string("moving to another room").is_empty());
    /// ```
    #[doc(alias = "isEmpty")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_deref().is_none_or(|fields| fields == &*EMPTY)
    }
}

impl Deref for Properties {
    type Target = PropertyFields;

    fn deref(&self) -> &PropertyFields {
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl DerefMut for Properties {
    fn deref_mut(&mut self) -> &mut PropertyFields {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl From<PropertyFields> for Properties {
    fn from(fields: PropertyFields) -> Self {
        Self(Some(Arc::new(fields)))
    }
}

impl PartialEq for Properties {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Properties {}

impl fmt::Debug for Properties {
    /// Shows the properties that are set; of `correlation_data` and `authentication_data` only the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("Properties", f)
    }
}

/// What [`Properties`] without an allocation are read from.
static EMPTY: LazyLock<PropertyFields> = LazyLock::new(PropertyFields::default);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_equals_all_empty() {
        let allocated = Properties::from(PropertyFields::default());
        assert!(allocated.is_empty() && allocated == Properties::new());
        assert_eq!(format!("{allocated:?}"), "Properties");
        assert!(Properties::new().with_retain_available(false) != Properties::new());
    }

    #[test]
    fn debug_shows_what_is_set_without_secrets() {
        let properties = Properties::new()
            .with_topic_alias(3)
            .with_user_property("k", "v")
            .with_authentication_data("hush")
            .with_correlation_data([1, 2, 3]);
        assert_eq!(
            format!("{properties:?}"),
            "Properties { correlation_data: 3 bytes, authentication_data: 4 bytes, topic_alias: 3, \
             user_property: [(\"k\", \"v\")] }"
        );
    }

    #[test]
    fn repeated_properties_keep_their_order() {
        let properties = Properties::new()
            .with_user_property("a", "1")
            .with_user_property("a", "2")
            .with_subscription_identifier(5)
            .with_subscription_identifier(4);
        assert_eq!(properties.user_property.len(), 2);
        assert_eq!(properties.subscription_identifier, [5, 4]);
    }
}
