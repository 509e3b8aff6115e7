//! What was recorded in a window: one answer for one series or for many.

use super::buckets::SketchSnapshot;

/// What series that are taken together recorded in a window.
///
/// ```
/// use mtaio_monitoring::monitor::{Config, MonitorCore};
/// let monitor = MonitorCore::new(Config::default());
/// for seconds in [0.02, 0.03, 0.07] {
///     monitor.record("request_duration", seconds).unwrap();
/// }
/// let summary = monitor.summary("request_duration", None, None).unwrap();
/// assert_eq!((summary.count(), summary.last, summary.sketch.max), (3, Some(0.07), Some(0.07)));
/// assert!((summary.mean().unwrap() - 0.04).abs() < 1e-9);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The distribution of the values, with count, sum and extremes; of a counter, of the steps that were added.
    pub sketch: SketchSnapshot,
    /// The latest value, be it older than the window; of counters, their totals together. `None` before the first.
    pub last: Option<f64>,
    /// Whether what was recorded are steps of a total.
    pub is_counter: bool,
    /// How long the window is that this covers, in seconds: the one that was asked for, rounded to whole samples, but no
    /// longer than there is something kept.
    pub seconds: f64,
}

impl Summary {
    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.sketch.count
    }

    /// Their sum; of a counter, what it grew by.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sketch.sum
    }

    /// A second: of a counter what it grew by, of others how many values were recorded. `None` for a window without
    /// length.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let what = if self.is_counter { self.sketch.sum } else { self.sketch.count as f64 };
        (self.seconds > 0.0).then(|| what / self.seconds)
    }

    /// Sum by count. `None` without a value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.sketch.count > 0).then(|| self.sketch.sum / self.sketch.count as f64)
    }
}
