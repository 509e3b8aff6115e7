//! Where a threshold stands, for whoever shows it.

use super::rule::Rule;

/// A threshold and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdState {
    /// The threshold.
    pub rule: Rule,
    /// The newest value, in the unit of what it watches; of several sets of labels, the worst. `None` where there is none.
    pub value: Option<f64>,
    /// Crossed, but not for `for_seconds` yet.
    pub pending: bool,
    /// Crossed, and told.
    pub firing: bool,
}
