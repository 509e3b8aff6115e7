//! The labels of a series.

use std::fmt;
use std::sync::Arc;

/// What tells the series of one metric apart: names with values, in the order of the names. Cheap to copy.
///
/// ```
/// use mtaio_monitoring::metrics::Labels;
/// let labels = Labels::new([("route", "/cart"), ("method", "GET")]);
/// assert_eq!(labels.get("route"), Some("/cart"));
/// assert_eq!(labels.to_string(), r#"{method="GET",route="/cart"}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// These labels. Of a name that is given twice the later value counts.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut sorted: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.into(), value.into());
            match sorted.binary_search_by(|(known, _)| known.cmp(&name)) {
                Ok(at) => sorted[at].1 = value,
                Err(at) => sorted.insert(at, (name, value)),
            }
        }
        Self(sorted.into())
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// These labels and `others`, whose values count where both have a name.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Labels;
    /// let labels = Labels::new([("route", "/cart")]).and(&Labels::new([("method", "GET")]));
    /// assert_eq!(labels, Labels::new([("method", "GET"), ("route", "/cart")]));
    /// ```
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        if self.is_empty() {
            return others.clone();
        }
        Self::new(self.0.iter().chain(others.0.iter()).cloned())
    }

    /// Those of these labels that have one of `names`: what is left of them when series are grouped.
    #[must_use]
    pub fn only(&self, names: &[Arc<str>]) -> Self {
        if names.is_empty() {
            return Self::default();
        }
        Self(self.0.iter().filter(|(name, _)| names.contains(name)).cloned().collect())
    }

    /// `{otel.metric.overflow="true"}`: the labels of the one series of a metric that takes what is recorded with labels
    /// for which there is no room any more. The name is OpenTelemetry's ("Overflow attribute").
    #[must_use]
    pub fn overflow() -> Self {
        Self::new([("otel.metric.overflow", "true")])
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn pairs(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.0
    }

    /// Every label with its value, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// As it is written in an expression: `{method="GET",route="/cart"}`; nothing without labels.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.iter().enumerate() {
            f.write_str(if at == 0 { "{" } else { "," })?;
            write!(f, "{name}={}", Quoted(value))?;
        }
        f.write_str(if self.is_empty() { "" } else { "}" })
    }
}

/// A value in double quotes, with `\"`, `\\` and `\n` for what would end or break it.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                other => write!(f, "{other}")?,
            }
        }
        f.write_str("\"")
    }
}
