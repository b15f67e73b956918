//! The language of error texts and log lines.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// The language in which errors and log lines speak.
///
/// Names stay as they are in every language: those of methods and settings, of reason codes (`Not authorized`, as in
/// paho-python), and what the operating system says.
///
/// ```
/// use rappel::Language;
///
/// assert_eq!(Language::default(), Language::English);
/// assert_eq!(Language::French.to_string(), "français");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Language {
    /// English, the default.
    #[default]
    English,
    /// French.
    French,
}

/// The language of the whole process, as the number of its variant.
static LANGUAGE: AtomicU8 = AtomicU8::new(Language::English as u8);

/// Sets the language of error texts and log lines for the whole process; English otherwise. It is never taken from the
/// environment.
///
/// For a program to call once, before its first client; not for a library, which does not know its users. Not in
/// paho-python.
///
/// ```
/// use rappel::{Language, Qos};
///
/// rappel::set_language(Language::French);
/// let error = Qos::try_from(3).unwrap_err();
/// assert_eq!(error.to_string(), "il n'y a pas de QoS 3 : utilisez 0, 1 ou 2");
/// ```
pub fn set_language(language: Language) {
    LANGUAGE.store(language as u8, Ordering::Relaxed);
}

/// The language set.
pub(crate) fn language() -> Language {
    if LANGUAGE.load(Ordering::Relaxed) == Language::French as u8 { Language::French } else { Language::English }
}

impl Language {
    /// The one of two texts that is in this language.
    pub(crate) fn pick<'a>(self, english: &'a str, french: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::French => french,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.pick("English", "français"))
    }
}

/// Formats the one of two texts that is in the language: `tell!(language, "{count} lost", "{count} perdus")`. Both name
/// the same values, which a test checks.
macro_rules! tell {
    ($language:expr, $english:literal, $french:literal $(,)?) => {
        match $language {
            $crate::types::Language::English => format!($english),
            $crate::types::Language::French => format!($french),
        }
    };
}

/// Declares an enum whose variants have a text each, in both languages: `Variant { field: Type } = "..", "..";`. The
/// texts name the fields, and what `where` derives from them.
///
/// `Display` gives the text in the language of the process, `{:?}` too, so that `fn main() -> Result<()>` ends with a
/// sentence; `{:#?}` shows the fields.
macro_rules! told {
    (
        use $language:ident;
        $(#[$attribute:meta])*
        $visibility:vis enum $Name:ident {
            $(
                $(#[$meta:meta])*
                $Variant:ident $({ $($(#[$field_meta:meta])* $field:ident: $Type:ty,)* })?
                $(where $($derived:ident = $value:expr),+)?
                => $english:literal, $french:literal;
            )*
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $Name {
            $(
                $(#[$meta])*
                ///
                #[doc = concat!("*", $english, "*")]
                $Variant $({ $($(#[$field_meta])* $field: $Type,)* })?,
            )*
        }

        impl $Name {
            /// The text in `language`.
            #[allow(unused_variables, reason = "not every text names every field")]
            pub(crate) fn text(&self, $language: $crate::types::Language) -> String {
                match self {
                    $(
                        Self::$Variant { $($($field,)*)? } => {
                            $($(let $derived = $value;)+)?
                            $crate::types::language::tell!($language, $english, $french)
                        }
                    )*
                }
            }

            /// The name of each variant.
            #[cfg(test)]
            pub(crate) const VARIANTS: &[&str] = &[$(stringify!($Variant)),*];
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.text($crate::types::language::language()))
            }
        }

        impl std::fmt::Debug for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                if !f.alternate() {
                    return std::fmt::Display::fmt(self, f);
                }
                match self {
                    $(
                        Self::$Variant { $($($field,)*)? } => f
                            .debug_struct(stringify!($Variant))
                            $($(.field(stringify!($field), $field))*)?
                            .finish(),
                    )*
                }
            }
        }
    };
}

pub(crate) use {tell, told};
