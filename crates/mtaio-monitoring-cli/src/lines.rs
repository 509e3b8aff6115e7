//! One moment in one line, for logs and pipes.

use mtaio_monitoring::metrics::SeriesSnapshot;
use mtaio_monitoring::snapshot::ThresholdState;

use crate::appearance::Appearance;
use crate::moment::time_of_day;
use crate::view::View;
use mtaio_monitoring::export::writing::printable::fit;
use mtaio_monitoring::export::writing::quantity::{NOTHING, Unit, hundredths, quantity, whole};

/// Recorded metrics in a line at most; the rest are counted.
const METRICS: usize = 4;
/// Columns that a name takes at most: a line is to remain one.
const NAME_COLUMNS: usize = 40;

/// The view in one line, without a line feed:
///
/// ```text
/// 12:00:01 cpu 12.3 % mem 41.0 % load 0.42 threads 12 disk r 0 B/s w 1.2 MB/s | request_duration p50 12.0 ms p99 45.0 ms | FIRING memory_usage 91.0 % > 90.0 %
/// ```
///
/// A value that was not measured is `–`. Names are escaped, so that a line is one line whatever was recorded.
#[must_use]
pub fn line(view: &View, appearance: &Appearance) -> String {
    let stats = view.snapshot.stats.clone().unwrap_or_default();
    let time = match &view.snapshot.stats {
        Some(stats) => time_of_day(stats.timestamp, appearance.time_zone()),
        None => NOTHING.to_owned(),
    };
    let mut parts = vec![format!(
        "{time} cpu {} mem {} load {} threads {} disk r {} w {}",
        quantity(stats.cpu.usage_percent, Unit::Percent),
        quantity(stats.memory.percent, Unit::Percent),
        hundredths(stats.cpu.load_average.map(|load| load[0])),
        whole(stats.cpu.thread_count.map(u64::from), Unit::Plain),
        quantity(stats.io.read_bytes_per_second, Unit::BytesPerSecond),
        quantity(stats.io.write_bytes_per_second, Unit::BytesPerSecond),
    )];
    let recorded = &view.snapshot.recorded;
    parts.extend(recorded.iter().take(METRICS).map(metric));
    if recorded.len() > METRICS {
        parts.push(format!("{} more", recorded.len() - METRICS));
    }
    let urgent = view.thresholds_by_urgency().into_iter().filter(|state| state.firing || state.pending);
    parts.extend(urgent.map(|state| {
        let word = if state.firing { "FIRING" } else { "PENDING" };
        format!("{word} {}", beyond(state, view.value_of(state)))
    }));
    parts.join(" | ")
}

/// `memory_usage 91.0 % > 90.0 %`: a threshold and the value that it watches.
pub(crate) fn beyond(state: &ThresholdState, value: Option<f64>) -> String {
    let rule = &state.rule;
    let unit = Unit::of_metric(&rule.metric);
    // A firing threshold with hysteresis may have a value that is not beyond it any more: the sign says what it is.
    let sign = match value {
        Some(value) if value > rule.threshold => ">",
        Some(value) if value < rule.threshold => "<",
        Some(_) => "=",
        None if rule.below => "<",
        None => ">",
    };
    let (value, limit) = (quantity(value, unit), quantity(Some(rule.threshold), unit));
    format!("{} {value} {sign} {limit}", fit(&rule.metric, NAME_COLUMNS))
}

fn metric(series: &SeriesSnapshot) -> String {
    let (name, unit) = (fit(&series.title(), NAME_COLUMNS), Unit::of_metric(&series.name));
    // One value says all of itself.
    if series.count <= 1 {
        return format!("{name} {}", quantity(series.last, unit));
    }
    let quantile = |share| quantity(series.sketch.quantile(share), unit);
    format!("{name} p50 {} p99 {}", quantile(0.5), quantile(0.99))
}
