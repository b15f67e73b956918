//! The levels of the log.

use std::fmt;

/// Under which the `log` crate's loggers know what is said here.
pub(crate) const LOG_TARGET: &str = "rappel";

/// How much a line of the log matters.
///
/// paho-python: `LogLevel`, with the same numbers. For the `log` crate, notices are infos, as for Python's `logging`.
///
/// ```
/// use rappel::LogLevel;
///
/// assert_eq!(LogLevel::Warning.value(), 4);
/// assert_eq!(log::Level::from(LogLevel::Notice), log::Level::Info);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// What goes as it should. paho-python: `MQTT_LOG_INFO`.
    #[doc(alias = "MQTT_LOG_INFO")]
    Info = 1,
    /// What goes as it should and is worth knowing. paho-python: `MQTT_LOG_NOTICE`.
    #[doc(alias = "MQTT_LOG_NOTICE")]
    Notice = 2,
    /// What may be wrong. paho-python: `MQTT_LOG_WARNING`.
    #[doc(alias = "MQTT_LOG_WARNING")]
    Warning = 4,
    /// What is wrong. paho-python: `MQTT_LOG_ERR`.
    #[doc(alias = "MQTT_LOG_ERR")]
    Error = 8,
    /// Every packet. paho-python: `MQTT_LOG_DEBUG`.
    #[doc(alias = "MQTT_LOG_DEBUG")]
    Debug = 16,
}

impl LogLevel {
    /// Python's number: 1, 2, 4, 8 or 16.
    ///
    /// ```
    /// assert_eq!(rappel::LogLevel::Debug.value(), 16);
    /// ```
    #[must_use]
    pub const fn value(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Debug => "DEBUG",
        })
    }
}

impl From<LogLevel> for log::Level {
    /// paho-python: `LOGGING_LEVEL`.
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Info | LogLevel::Notice => Self::Info,
            LogLevel::Warning => Self::Warn,
            LogLevel::Error => Self::Error,
            LogLevel::Debug => Self::Debug,
        }
    }
}

impl From<log::Level> for LogLevel {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Error => Self::Error,
            log::Level::Warn => Self::Warning,
            log::Level::Info => Self::Info,
            log::Level::Debug | log::Level::Trace => Self::Debug,
        }
    }
}
