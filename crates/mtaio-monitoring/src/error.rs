//! What can go wrong, in words that say what was given, what is accepted and what to do.

/// Every error of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MonitoringError {
    /// An argument that cannot be used. The message names it, shows what was given and what is accepted.
    #[error("{0}")]
    Configuration(String),
    /// A metric that has no value. The message lists the known names.
    #[error("{0}")]
    UnknownMetric(String),
    /// The monitor needs something of its surroundings that is not there: an async runtime, a thread.
    #[error("{0}")]
    Unavailable(String),
    /// A profile that cannot be written or read, or a format that there is none of. The message says what was given and
    /// what is accepted.
    #[error("{0}")]
    Profile(String),
}

/// `Result` with this crate's error.
pub type Result<T, E = MonitoringError> = std::result::Result<T, E>;

impl MonitoringError {
    /// "`argument` must be `accepted`, got `given`": how every face of the product refuses an argument.
    ///
    /// ```
    /// use mtaio_monitoring::MonitoringError;
    ///
    /// let refused = MonitoringError::argument("port", "a number from 0 to 65535", 70_000);
    /// assert_eq!(refused.to_string(), "port must be a number from 0 to 65535, got 70000");
    /// ```
    #[must_use]
    pub fn argument(argument: &str, accepted: &str, given: impl std::fmt::Display) -> Self {
        Self::Configuration(format!("{argument} must be {accepted}, got {given}"))
    }

    /// What [`Self::argument`] made the message of: the argument, and what it accepts.
    #[cfg(feature = "config-file")]
    pub(crate) fn argument_and_accepted(&self) -> Option<(&str, &str)> {
        let Self::Configuration(message) = self else { return None };
        let (argument, rest) = message.split_once(" must be ")?;
        let (accepted, _) = rest.split_once(", got ")?;
        Some((argument, accepted))
    }
}
