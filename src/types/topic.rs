//! Topics and topic filters: which are valid, and which match.

use crate::types::{Error, Result, language};

/// The most bytes of UTF-8 in any text of MQTT: its length is sent as two bytes (MQTT 5, section 1.5.4).
pub(crate) const MAX_TEXT: usize = 65_535;

/// Whether messages on `topic` reach the subscription `sub`, where `+` stands for one level and `#` for the rest.
///
/// Topics that start with `$` are not matched by a wildcard at the start. Nothing is checked: an invalid filter
/// matches only what it spells out. paho-python: `topic_matches_sub`.
///
/// ```
/// use rappel::topic_matches_sub;
///
/// assert!(topic_matches_sub("house/+/temperature", "house/kitchen/temperature"));
/// assert!(topic_matches_sub("house/#", "house"));
/// assert!(!topic_matches_sub("#", "$SYS/broker/version"));
/// ```
#[must_use]
pub fn topic_matches_sub(sub: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    let mut wildcards_match = !topic.starts_with('$');
    let mut patterns = sub.split('/').peekable();
    while let Some(pattern) = patterns.next() {
        if pattern == "#" && patterns.peek().is_none() && wildcards_match {
            return true;
        }
        match levels.next() {
            Some(level) if level == pattern || (pattern == "+" && wildcards_match) => wildcards_match = true,
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Says whether a message can be published on `topic` (MQTT 5, section 4.7).
pub(crate) fn check_topic(topic: &str) -> Result<()> {
    if topic.is_empty() {
        return Err(Error::EmptyTopic);
    }
    if topic.contains(['+', '#']) {
        return Err(Error::WildcardInTopic { topic: topic.to_owned() });
    }
    check_text("topic", topic)
}

/// Says whether `filter` can be subscribed, shared subscriptions included (MQTT 5, sections 4.7 and 4.8.2).
pub(crate) fn check_filter(filter: &str) -> Result<()> {
    check_text("topic filter", filter)?;
    match filter_problem(filter) {
        Some(problem) => Err(Error::InvalidFilter { filter: filter.to_owned(), problem }),
        None => Ok(()),
    }
}

/// Says whether `text`, called `what` in the message, can be sent as a text of MQTT. Never give it a password: the
/// error quotes the text.
pub(crate) fn check_text(what: &'static str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::NulInText { what, text: text.to_owned() });
    }
    if text.len() > MAX_TEXT {
        return Err(Error::TextTooLong { what, len: text.len() });
    }
    Ok(())
}

/// What stands before the name of a shared subscription (MQTT 5, section 4.8.2).
const SHARED: &str = "$share/";

/// Whether a filter is that of a shared subscription.
pub(crate) fn is_shared(filter: &str) -> bool {
    filter.starts_with(SHARED)
}

/// The first thing wrong with a filter, if anything is.
fn filter_problem(filter: &str) -> Option<&'static str> {
    let say = |english, french| Some(language().pick(english, french));
    let filter = match filter.strip_prefix(SHARED) {
        None => filter,
        Some(shared) => match shared.split_once('/') {
            None | Some((_, "")) => {
                return say(
                    "a shared subscription is written \"$share/name/filter\"",
                    "un abonnement partagé s'écrit \"$share/nom/filtre\"",
                );
            }
            Some(("", _)) => {
                return say("the name after \"$share/\" is empty", "le nom après \"$share/\" est vide");
            }
            Some((name, _)) if name.contains(['+', '#']) => {
                return say(
                    "the name after \"$share/\" contains a wildcard",
                    "le nom après \"$share/\" contient un joker",
                );
            }
            Some((_, filter)) => filter,
        },
    };
    if filter.is_empty() {
        return say("it is empty", "il est vide");
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level.len() > 1 || levels.peek().is_some()) {
            return say(
                "\"#\" may only stand alone, as the last level (\"house/#\")",
                "\"#\" ne peut être que seul, au dernier niveau (\"maison/#\")",
            );
        }
        if level.contains('+') && level.len() > 1 {
            return say(
                "\"+\" may only stand alone between two \"/\" (\"house/+/light\")",
                "\"+\" ne peut être que seul entre deux \"/\" (\"maison/+/lumiere\")",
            );
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_is_pythons() {
        // Every line is the answer of paho.mqtt.client.topic_matches_sub, version 2.2.
        let expected = [
            ("foo/bar", "foo/bar", true),
            ("foo/+", "foo/bar", true),
            ("foo/+/baz", "foo/bar/baz", true),
            ("foo/+/#", "foo/bar/baz", true),
            ("A/B/+/#", "A/B/B/C", true),
            ("#", "foo/bar/baz", true),
            ("#", "/foo/bar", true),
            ("/#", "/foo/bar", true),
            ("$SYS/bar", "$SYS/bar", true),
            ("test/6/#", "test/3", false),
            ("foo/bar", "foo", false),
            ("foo/+", "foo/bar/baz", false),
            ("foo/+/baz", "foo/bar/bar", false),
            ("foo/+/#", "fo2/bar/baz", false),
            ("/#", "foo/bar", false),
            ("#", "$SYS/bar", false),
            ("$BOB/bar", "$SYS/bar", false),
            ("+", "$SYS", false),
            ("+/bar", "$SYS/bar", false),
            ("$SYS/#", "$SYS/bar", true),
            ("$SYS/#", "$SYS", true),
            ("$SYS/+", "$SYS/bar", true),
            ("foo/#", "foo", true),
            ("foo/#", "foo/", true),
            ("foo/+", "foo", false),
            ("foo/+", "foo/", true),
            ("+", "foo", true),
            ("+/+", "/foo", true),
            ("/+", "/foo", true),
            ("+", "/foo", false),
            ("foo/+/#", "foo", false),
            ("", "", true),
            ("#", "", true),
            ("+", "", true),
            ("a", "", false),
            ("", "a", false),
            ("a/#/b", "a/#/b", true),
            ("a/#/b", "a/c/b", false),
            ("a/#/b", "a", false),
            ("a+", "ab", false),
            ("a+", "a+", true),
            ("#", "#", true),
            ("foo//bar", "foo//bar", true),
            ("foo/+/bar", "foo//bar", true),
            ("$share/g/a", "a", false),
            ("$share/g/a", "$share/g/a", true),
            ("#", "$", false),
            ("$#", "$a", false),
            ("a/$b", "a/$b", true),
            ("a/+", "a/$b", true),
        ];
        for (sub, topic, matches) in expected {
            assert_eq!(topic_matches_sub(sub, topic), matches, "{sub:?} {topic:?}");
        }
    }

    #[test]
    fn topics() {
        for topic in ["test", "/", "a b/é", "$SYS/x", "$share/g/t"] {
            assert!(check_topic(topic).is_ok(), "{topic}");
        }
        assert!(check_topic(&"a".repeat(MAX_TEXT)).is_ok());
        assert!(matches!(check_topic(""), Err(Error::EmptyTopic)));
        for topic in ["a/+", "#", "a#b", "a+"] {
            assert!(matches!(check_topic(topic), Err(Error::WildcardInTopic { .. })), "{topic}");
        }
        assert!(matches!(check_topic("a\0b"), Err(Error::NulInText { what: "topic", .. })));
        assert!(matches!(check_topic(&"é".repeat(32_768)), Err(Error::TextTooLong { what: "topic", len: 65_536 })));
    }

    #[test]
    fn filters() {
        for filter in ["a", "#", "+", "/", "a/#", "+/+/#", "/+", "a//b", "$SYS/#", "$share/g/a", "$share/g/#", "$share"]
        {
            assert!(check_filter(filter).is_ok(), "{filter}");
        }
        for filter in [
            "",
            "a#",
            "#/a",
            "a/#/b",
            "##",
            "a+",
            "+a/b",
            "++",
            "$share/g",
            "$share/g/",
            "$share//a",
            "$share/+/a",
            "$share/g/a#",
            "$share/",
        ] {
            assert!(matches!(check_filter(filter), Err(Error::InvalidFilter { .. })), "{filter}");
        }
        assert!(matches!(check_filter("a\0"), Err(Error::NulInText { .. })));
        assert!(matches!(check_filter(&"a".repeat(65_536)), Err(Error::TextTooLong { .. })));
    }
}
