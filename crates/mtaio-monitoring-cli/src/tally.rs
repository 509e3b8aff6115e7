//! What is told when a run is over.

use mtaio_monitoring::rates::SystemStats;

use crate::lines::beyond;
use crate::moment::length;
use crate::screen::troubles;
use crate::view::View;
use mtaio_monitoring::export::writing::columns::{Align, align};
use mtaio_monitoring::export::writing::printable::{fit, printable};
use mtaio_monitoring::export::writing::quantity::{Unit, quantity};

/// Recorded metrics that a summary names.
const METRICS: usize = 12;
/// Columns that a name takes at most.
const NAME_COLUMNS: usize = 40;

/// Means and maxima over the samples of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    newest: Option<u64>,
    samples: u64,
    cpu: Spread,
    memory: Spread,
}

#[derive(Debug, Default)]
struct Spread {
    count: u64,
    sum: f64,
    largest: Option<f64>,
}

impl Tally {
    /// Takes in the samples of the view's history that it has not seen yet.
    pub(crate) fn add(&mut self, view: &View) {
        for stats in &view.history {
            self.add_sample(stats);
        }
    }

    /// Takes in a sample, unless it has seen it.
    pub(crate) fn add_sample(&mut self, stats: &SystemStats) {
        if self.newest.is_some_and(|newest| stats.sequence <= newest) {
            return;
        }
        self.newest = Some(stats.sequence);
        self.samples += 1;
        self.cpu.add(stats.cpu.usage_percent);
        self.memory.add(stats.memory.percent);
    }

    /// `title: 1m 12s, 72 samples, 0 missed, cpu mean 12.3 % max 45.0 %, memory mean 41.0 % max 42.1 %`
    pub(crate) fn one_line(&self, view: &View, running_seconds: f64) -> String {
        format!(
            "{}, cpu {}, memory {}",
            head(view, self.samples, running_seconds),
            self.cpu.text(),
            self.memory.text()
        )
    }

    /// The same in several lines, with what was recorded, the alerts, and what went wrong.
    pub(crate) fn summary(&self, view: &View, running_seconds: f64) -> String {
        // Not `self.samples`: at short intervals a view does not hold all that came since the one before.
        let mut lines = vec![head(view, view.snapshot.health.samples, running_seconds)];
        lines.push(format!("  cpu     {}", self.cpu.text()));
        lines.push(format!("  memory  {}", self.memory.text()));
        lines.extend(recorded(view));
        if view.snapshot.alerts.total > 0 || !view.snapshot.thresholds.is_empty() {
            lines.push(format!("  alerts  {}", alerts(view)));
        }
        lines.extend(troubles(&view.snapshot.health).iter().map(|trouble| format!("  {trouble}")));
        lines.join("\n") + "\n"
    }
}

impl Spread {
    fn add(&mut self, value: Option<f64>) {
        let Some(value) = value else {
            return;
        };
        self.count += 1;
        self.sum += value;
        self.largest = Some(self.largest.map_or(value, |largest| largest.max(value)));
    }

    fn text(&self) -> String {
        let mean = (self.count > 0).then(|| self.sum / self.count as f64);
        format!("mean {} max {}", quantity(mean, Unit::Percent), quantity(self.largest, Unit::Percent))
    }
}

fn head(view: &View, samples: u64, running_seconds: f64) -> String {
    format!(
        "{}: {}, {}, {} missed",
        printable(&view.title),
        length(running_seconds),
        counted(samples, "sample"),
        view.snapshot.health.missed_ticks,
    )
}

/// `1 sample`, `2 samples`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn recorded(view: &View) -> Vec<String> {
    let series = &view.snapshot.recorded;
    let rows = series.iter().take(METRICS).map(|series| {
        let unit = Unit::of_metric(&series.name);
        let mean = (series.count > 0).then(|| series.sum / series.count as f64);
        let said = |word: &str, value| format!("{word} {}", quantity(value, unit));
        vec![
            format!("  {}", fit(&series.title(), NAME_COLUMNS)),
            format!("{} recorded", series.count),
            said("mean", mean),
            said("p50", series.sketch.quantile(0.5)),
            said("p99", series.sketch.quantile(0.99)),
            said("max", series.max),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let mut lines =
        align(&rows, &[Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right]);
    if series.len() > METRICS {
        lines.push(format!("  and {} more", counted((series.len() - METRICS) as u64, "metric")));
    }
    lines
}

fn alerts(view: &View) -> String {
    let firing: Vec<String> = view
        .snapshot
        .thresholds
        .iter()
        .filter(|state| state.firing)
        .map(|state| beyond(state, view.value_of(state)))
        .collect();
    match firing.as_slice() {
        [] => format!("{} in all, none firing now", view.snapshot.alerts.total),
        firing => format!("{} in all, firing now: {}", view.snapshot.alerts.total, firing.join(", ")),
    }
}
