//! A snapshot as Prometheus scrapes it: the text format 0.0.4, OpenMetrics 1.0, and its protocol buffers.
//!
//! A scrape is taken whole or not at all: one line that is wrong, one series that is there twice, and nothing of it
//! arrives. Names, labels and help come from anybody, so each of them is made sound (`metrics/exposed.rs`, `text.rs`), and what
//! becomes the same by that is told apart again.
//!
//! Units are Prometheus' base units: shares are ratios from 0 to 1, times are seconds. Distributions leave as classic
//! histograms, at the bounds that the program has declared or at usual ones, and in protocol buffers as native ones too;
//! quantiles are not written, because those of several processes cannot be made into one.
//!
//! What is told is decided here, once; how it is written is a [`Form`]'s to say. So every format has the same metrics,
//! under the same names and with the same labels.

mod bounds;
mod names;
#[cfg(feature = "protobuf")]
mod protobuf;

mod sound;
mod text;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use crate::metrics::catalogue::{BuiltIn, Kind};
use crate::metrics::exposed::metric_name;
use crate::metrics::{Declaration, Labels, Series, SeriesSnapshot};
use crate::monitor::{HealthReport, MonitorCore};
use crate::rates::SystemStats;
use crate::snapshot::Snapshot;

use bounds::Bounds;
use names::{Family, Names};
use text::Text;

#[cfg(feature = "protobuf")]
pub use protobuf::PROTOBUF_CONTENT_TYPE;

/// Of a metric that nobody declared.
const UNDECLARED: &str = "Recorded by the program and not declared: the value recorded last.";

/// Of a metric that was declared without help.
const NO_HELP: &str = "Recorded by the program.";

/// Which of the text formats.
///
/// ```
/// use mtaio_monitoring::Snapshot;
/// use mtaio_monitoring::export::Exposition;
/// use mtaio_monitoring::metrics::catalogue::Kind;
/// use mtaio_monitoring::monitor::{Config, MonitorCore};
///
/// let monitor = MonitorCore::new(Config::default());
/// let requests = monitor.declare(Kind::Counter, "requests", "{request}", "Requests answered.")?;
/// monitor.record_bound(&requests, 3.0);
/// let text = Snapshot::of(&monitor).exposition(Exposition::OpenMetrics);
/// assert!(text.contains("# TYPE requests counter\n# HELP requests Requests answered.\nrequests_total 3\n"));
/// assert!(text.ends_with("# EOF\n"));
/// # Ok::<(), mtaio_monitoring::MonitoringError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exposition {
    /// Prometheus' own text format, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0, which Prometheus asks for first.
    OpenMetrics,
}

impl Exposition {
    /// What an HTTP answer calls it.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Snapshot {
    /// Everything that a scrape of this moment tells: the newest sample, what the program has recorded, and what the
    /// monitor itself has dropped.
    #[must_use]
    pub fn exposition(&self, format: Exposition) -> String {
        self.told(|series| Text::new(format, room(series))).finish()
    }

    fn told<F: Form>(&self, form: impl FnOnce(usize) -> F) -> F {
        let metrics = self.recorded.chunk_by(|a, b| a.name == b.name).map(|series| (&*series[0].name, series));
        let metrics: Vec<_> = metrics.collect();
        tell(form, self.stats.as_ref(), &self.health, self.alerts.total, &metrics, &self.declared)
    }
}

impl MonitorCore {
    /// The same as of a [`Snapshot`] of this moment, for a fraction of its cost: nothing is copied but the distributions that
    /// are told, and the series of a metric stand in the order in which they were made. The health is the caller's to ask
    /// for, since some faces add to it.
    #[must_use]
    pub fn exposition(&self, health: &HealthReport, format: Exposition) -> String {
        told_of(self, health, |series| Text::new(format, room(series))).finish()
    }
}

/// Bytes that a text needs, about.
fn room(series: usize) -> usize {
    16_384 + 128 * series
}

fn told_of<F: Form>(core: &MonitorCore, health: &HealthReport, form: impl FnOnce(usize) -> F) -> F {
    let stats = core.latest_stats();
    let metrics: Vec<_> = core.metrics().into_iter().map(|metric| (metric.series_as_made(), metric)).collect();
    let metrics: Vec<(&str, &[Arc<Series>])> =
        metrics.iter().map(|(series, metric)| (&**metric.name(), &**series)).collect();
    tell(form, stats.as_ref(), health, core.recent_alerts().total, &metrics, &core.declared())
}

/// A series, wherever its numbers are.
trait Told {
    fn labels(&self) -> &Labels;

    /// The labels as `make` writes them as text; `None` where it cannot.
    fn labels_text(&self, make: impl FnOnce(&Labels) -> Option<Box<str>>) -> Option<Cow<'_, str>>;

    fn last(&self) -> Option<f64>;
    fn distribution(&self) -> Cow<'_, SeriesSnapshot>;
}

impl Told for SeriesSnapshot {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn labels_text(&self, make: impl FnOnce(&Labels) -> Option<Box<str>>) -> Option<Cow<'_, str>> {
        make(&self.labels).map(|text| Cow::Owned(text.into()))
    }

    fn last(&self) -> Option<f64> {
        self.last
    }

    fn distribution(&self) -> Cow<'_, SeriesSnapshot> {
        Cow::Borrowed(self)
    }
}

impl Told for Arc<Series> {
    fn labels(&self) -> &Labels {
        Series::labels(self)
    }

    /// Half of what a scrape of ten thousand series costs is to write their labels, so they are kept.
    fn labels_text(&self, make: impl FnOnce(&Labels) -> Option<Box<str>>) -> Option<Cow<'_, str>> {
        self.told_labels(make).map(Cow::Borrowed)
    }

    fn last(&self) -> Option<f64> {
        Series::last(self)
    }

    fn distribution(&self) -> Cow<'_, SeriesSnapshot> {
        Cow::Owned(self.snapshot())
    }
}

/// How what is told is written.
trait Form {
    /// The labels of a series, made sound.
    type Labels: Default + Eq + Hash + Clone;

    /// What a series' labels are here. Says whether they leave as they are, so that two that differ here differ there.
    fn labels(labels: &Labels, into: &mut Self::Labels) -> bool;

    /// The same of a series, which may have them already.
    fn labels_of(series: &impl Told, into: &mut Self::Labels) -> bool {
        Self::labels(series.labels(), into)
    }

    /// The same with a label more that tells it apart, by a number; `None` where there is such a label already.
    fn told_apart(labels: &Self::Labels, number: usize) -> Option<Self::Labels>;

    /// Begins a metric: all that follows is of its family.
    fn begin(&mut self, family: &Family, help: &str);

    /// One value, in the base unit.
    fn sample(&mut self, family: &Family, labels: &Self::Labels, value: f64);

    /// One distribution.
    fn histogram(&mut self, family: &Family, labels: &Self::Labels, series: &SeriesSnapshot, bounds: &mut Bounds);

    /// Where the writing is, to come back to within a family.
    fn position(&self) -> usize;

    /// Takes back what was written since.
    fn rewind(&mut self, position: usize);
}

/// Everything that a scrape tells, in the form that is made for so many series.
fn tell<F: Form, T: Told>(
    form: impl FnOnce(usize) -> F,
    stats: Option<&SystemStats>,
    health: &HealthReport,
    alerts: u64,
    metrics: &[(&str, &[T])],
    declared: &BTreeMap<Arc<str>, Declaration>,
) -> F {
    let series = metrics.iter().map(|(_, series)| series.len()).sum();
    let mut teller = Teller { form: form(series), names: Names::default() };
    if let Some(stats) = stats {
        teller.built_in(stats);
    }
    teller.health(health, alerts);
    // A name that is sound as it is comes before those that are made so: it must not change its name when they come.
    let is_sound = |name: &str| *metric_name(name) == *name;
    let (sound, others): (Vec<_>, Vec<_>) = metrics.iter().partition(|(name, _)| is_sound(name));
    for (name, series) in sound.into_iter().chain(others) {
        teller.metric(name, series, declared.get(name));
    }
    teller.form
}

struct Teller<F> {
    form: F,
    names: Names,
}

impl<F: Form> Teller<F> {
    fn built_in(&mut self, stats: &SystemStats) {
        for metric in BuiltIn::ALL {
            // What was not measured is not there.
            let Some(value) = stats.value(*metric) else { continue };
            let about = metric.description();
            self.only(about.name, about.kind, about.unit, about.help, value);
        }
    }

    /// What the monitor has dropped and missed: who relies on the rest wants to know.
    fn health(&mut self, health: &HealthReport, alerts: u64) {
        let counters: [(&str, &str, u64); 9] = [
            ("monitor_samples_total", "Samples taken on the cadence.", health.samples),
            ("monitor_alerts_total", "Alerts since the monitor was made.", alerts),
            (
                "monitor_dropped_values_total",
                "Values not recorded: not finite, or below zero for a counter.",
                health.dropped_values,
            ),
            (
                "monitor_dropped_names_total",
                "Values not recorded because there were too many series.",
                health.dropped_names,
            ),
            ("monitor_dropped_events_total", "Events that nobody took in time.", health.dropped_events),
            ("monitor_handler_errors_total", "Calls of handlers that failed.", health.handler_errors),
            (
                "monitor_expired_series_total",
                "Series with labels let go because nobody recorded to them.",
                health.expired_series,
            ),
            (
                "monitor_dropped_instances_total",
                "Values with labels not held against a threshold that follows too many.",
                health.dropped_instances,
            ),
            ("monitor_panics_total", "Bugs of the monitor that were caught.", health.panics),
        ];
        for (name, help, count) in counters {
            self.only(name, Kind::Counter, "", help, count as f64);
        }
        // No counter: one that waits is counted until it is made.
        let help = "Calls of handlers not made because too many were under way, or that wait for that reason.";
        self.only("monitor_dropped_calls", Kind::Gauge, "", help, health.dropped_calls as f64);
    }

    /// A metric of one series, without labels.
    fn only(&mut self, name: &str, kind: Kind, unit: &str, help: &str, value: f64) {
        let family = self.names.family(name, kind, unit);
        self.form.begin(&family, help);
        self.form.sample(&family, &F::Labels::default(), family.unit.convert(value));
    }

    /// One recorded metric with all of its series.
    fn metric(&mut self, name: &str, series: &[impl Told], declaration: Option<&Declaration>) {
        let kind = declaration.map_or(Kind::Untyped, Declaration::kind);
        let unit = declaration.map_or("", Declaration::unit);
        let help = match declaration.map(Declaration::help) {
            None => UNDECLARED,
            Some("") => NO_HELP,
            Some(help) => help,
        };
        let is_histogram = kind == Kind::Histogram;
        if series.is_empty() || (!is_histogram && series.iter().all(|one| one.last().is_none())) {
            return;
        }
        let family = self.names.family(name, kind, unit);
        self.form.begin(&family, help);
        let mut bounds = is_histogram.then(|| Bounds::usual(family.unit));
        let begin = self.form.position();
        let mut labels = F::Labels::default();
        for one in series {
            if !F::labels_of(one, &mut labels) {
                // What was changed may be what another one is: from the beginning, looking at each.
                self.form.rewind(begin);
                self.each_apart(&family, series, &mut bounds);
                return;
            }
            self.one(&family, &labels, one, &mut bounds);
        }
    }

    /// The series of a metric some of whose labels could not stay as they are.
    fn each_apart(&mut self, family: &Family, series: &[impl Told], bounds: &mut Option<Bounds>) {
        let mut seen = HashSet::new();
        for (one, number) in series.iter().zip(1..) {
            let mut labels = F::Labels::default();
            F::labels(one.labels(), &mut labels);
            if !seen.insert(labels.clone()) {
                let Some(apart) = F::told_apart(&labels, number).filter(|apart| seen.insert(apart.clone())) else {
                    continue;
                };
                labels = apart;
            }
            self.one(family, &labels, one, bounds);
        }
    }

    fn one(&mut self, family: &Family, labels: &F::Labels, series: &impl Told, bounds: &mut Option<Bounds>) {
        if let Some(bounds) = bounds {
            self.form.histogram(family, labels, &series.distribution(), bounds);
        } else if let Some(last) = series.last() {
            self.form.sample(family, labels, family.unit.convert(last));
        }
    }
}
