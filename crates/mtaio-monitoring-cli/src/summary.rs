//! What was watched for a while: each metric's spread, the alerts, and the processes that used most.

use std::collections::HashMap;

use mtaio_monitoring::SystemStats;
use mtaio_monitoring::export::writing::columns::{Align, align};
use mtaio_monitoring::export::writing::printable::{fit, printable};
use mtaio_monitoring::export::writing::quantity::{Unit, number, quantity, whole};
use mtaio_monitoring::metrics::Sketch;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::rates::ProcessEvidence;
use serde_json::{Value, json};

use crate::lines::beyond;
use crate::moment::length;
use crate::tally::counted;
use crate::top::Observation;
use crate::view::View;

/// Processes that are told of, and that are followed.
const TOLD: usize = 10;
const FOLLOWED: usize = 20_000;
/// Columns that a name takes at most.
const NAME_COLUMNS: usize = 60;

/// A while, as it was seen.
#[derive(Default)]
pub(crate) struct Summary {
    /// In the order of the catalogue.
    metrics: Vec<Spread>,
    samples: u64,
    missed_before: Option<u64>,
    alerts_before: Option<u64>,
    newest: Option<View>,
    host_name: Option<String>,
    processes: HashMap<(u32, String), Process>,
    /// How often processes were listed.
    looks: u32,
    is_far: bool,
    trouble: Option<String>,
}

/// The values of a metric.
#[derive(Default)]
struct Spread {
    sketch: Option<Sketch>,
    count: u64,
    /// In parts, so that the sum of large values is no infinity.
    mean: f64,
    min: f64,
    max: f64,
    last: f64,
}

#[derive(Default)]
struct Process {
    cores: f64,
    measured: u32,
    rss_bytes: Option<u64>,
}

/// Who it is, the mean of processors that it used, and its largest resident memory.
type Biggest<'a> = (&'a (u32, String), Option<f64>, Option<u64>);

impl Spread {
    fn add(&mut self, value: f64) {
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        }
        self.count += 1;
        self.mean += (value - self.mean) / self.count as f64;
        (self.min, self.max, self.last) = (self.min.min(value), self.max.max(value), value);
        self.sketch.get_or_insert_with(Sketch::new).record(value);
    }

    /// The smallest value that this share of them does not exceed. A sketch is right to 1 %, and these bounds are exact.
    fn quantiles(&self, shares: [f64; 3]) -> [Option<f64>; 3] {
        let sketch = self.sketch.as_ref().map(Sketch::snapshot);
        shares.map(|share| Some(sketch.as_ref()?.quantile(share)?.clamp(self.min, self.max)))
    }
}

impl Summary {
    /// Takes in a look, with the samples that have come since the one before.
    pub(crate) fn take_in(&mut self, mut observation: Observation) {
        self.metrics.resize_with(BuiltIn::ALL.len(), Spread::default);
        for stats in observation.view.history.drain(..) {
            self.take_in_sample(&stats);
        }
        let snapshot = &observation.view.snapshot;
        self.alerts_before.get_or_insert(snapshot.alerts.total);
        if let Some(processes) = observation.lists.and_then(|lists| lists.processes) {
            self.take_in_processes(processes);
        }
        self.host_name = observation.host_name;
        self.is_far = observation.remote.is_some();
        self.trouble = observation.remote.and_then(|remote| remote.trouble);
        self.newest = Some(observation.view);
    }

    fn take_in_sample(&mut self, stats: &SystemStats) {
        self.samples += 1;
        if self.missed_before.is_none() {
            self.missed_before = stats.monitor.missed_ticks;
        }
        for (metric, spread) in BuiltIn::ALL.iter().zip(&mut self.metrics) {
            if let Some(value) = stats.value(*metric).filter(|value| value.is_finite()) {
                spread.add(value);
            }
        }
    }

    fn take_in_processes(&mut self, processes: Vec<ProcessEvidence>) {
        self.looks += 1;
        for process in processes {
            let key = (process.pid, process.name);
            if self.processes.len() >= FOLLOWED && !self.processes.contains_key(&key) {
                continue;
            }
            let known = self.processes.entry(key).or_default();
            // What it used before anybody looked is not of this while.
            if let Some(cores) = process.cpu_cores_used.filter(|_| !process.cpu_is_lifetime_mean) {
                known.cores += cores;
                known.measured += 1;
            }
            known.rss_bytes = known.rss_bytes.max(process.rss_bytes);
        }
    }

    /// Each with its mean of processors over all looks, the largest first.
    fn biggest(&self) -> Vec<Biggest<'_>> {
        // The first look at a machine has nothing to subtract from.
        let looks = self.processes.values().map(|process| process.measured).max().unwrap_or(0).max(1);
        let mean = |process: &Process| (process.measured > 0).then(|| process.cores / f64::from(looks));
        let mut all: Vec<_> =
            self.processes.iter().map(|(who, process)| (who, mean(process), process.rss_bytes)).collect();
        all.sort_by(|left, right| {
            right
                .1
                .unwrap_or(-1.0)
                .total_cmp(&left.1.unwrap_or(-1.0))
                .then(right.2.cmp(&left.2))
                .then(left.0.cmp(right.0))
        });
        all.truncate(TOLD);
        all
    }

    fn new_alerts(&self) -> (u64, Vec<&mtaio_monitoring::Alert>) {
        let Some(view) = &self.newest else { return (0, Vec::new()) };
        let alerts = &view.snapshot.alerts;
        let new = alerts.total.saturating_sub(self.alerts_before.unwrap_or(0));
        let told = usize::try_from(new).unwrap_or(usize::MAX);
        (new, alerts.newest.iter().skip(alerts.newest.len().saturating_sub(told)).collect())
    }

    fn missed(&self) -> u64 {
        let missed = self.newest.as_ref().map_or(0, |view| view.snapshot.health.missed_ticks);
        missed.saturating_sub(self.missed_before.unwrap_or(missed))
    }

    /// For people, in lines.
    pub(crate) fn text(&self, seconds: f64) -> String {
        let host = self.host_name.as_deref().unwrap_or("this machine");
        let mut lines = vec![format!(
            "{}: {}, {}, {} missed",
            fit(host, NAME_COLUMNS),
            length(seconds),
            counted(self.samples, "sample"),
            self.missed()
        )];
        lines.extend(self.trouble.iter().map(|trouble| format!("cut off: {}", printable(trouble))));
        lines.push(String::new());
        lines.extend(self.metric_lines());
        lines.extend(self.recorded_lines());
        lines.push(String::new());
        lines.extend(self.alert_lines());
        lines.push(String::new());
        lines.extend(self.process_lines());
        lines.join("\n") + "\n"
    }

    fn metric_lines(&self) -> Vec<String> {
        let mut rows =
            vec![["METRIC", "LAST", "MEAN", "MIN", "P50", "P90", "P99", "MAX"].map(str::to_owned).to_vec()];
        for (metric, spread) in BuiltIn::ALL.iter().zip(&self.metrics).filter(|(_, spread)| spread.count > 0) {
            let name = metric.description().name;
            let unit = Unit::of_metric(name);
            let [p50, p90, p99] = spread.quantiles([0.5, 0.9, 0.99]);
            let values = [Some(spread.last), Some(spread.mean), Some(spread.min), p50, p90, p99, Some(spread.max)];
            rows.push(std::iter::once(name.to_owned()).chain(values.map(|value| quantity(value, unit))).collect());
        }
        columns(&rows)
    }

    fn recorded_lines(&self) -> Vec<String> {
        let recorded = self.newest.iter().flat_map(|view| &view.snapshot.recorded);
        let mut rows = vec![["RECORDED", "LAST", "COUNT", "P50", "P99", "MAX"].map(str::to_owned).to_vec()];
        rows.extend(recorded.map(|series| {
            let unit = Unit::of_metric(&series.name);
            let [p50, p99] = [0.5, 0.99].map(|share| quantity(series.sketch.quantile(share), unit));
            let (last, max) = (quantity(series.last, unit), quantity(series.max, unit));
            vec![fit(&series.title(), NAME_COLUMNS), last, number(series.count as f64), p50, p99, max]
        }));
        if rows.len() < 2 {
            return Vec::new();
        }
        std::iter::once(String::new()).chain(columns(&rows)).collect()
    }

    fn alert_lines(&self) -> Vec<String> {
        let (new, alerts) = self.new_alerts();
        let mut lines = vec![format!("ALERTS  {new}")];
        lines.extend(
            alerts.iter().map(|alert| format!("  {:<8}  {}", alert.state.name(), printable(&alert.message))),
        );
        let states = self
            .newest
            .iter()
            .flat_map(|view| view.thresholds_by_urgency().into_iter().map(move |state| (view, state)));
        for (view, state) in states.filter(|(_, state)| state.firing) {
            lines.push(format!("  fires now: {}", beyond(state, view.value_of(state))));
        }
        lines
    }

    fn process_lines(&self) -> Vec<String> {
        if self.looks == 0 {
            return vec![format!("PROCESSES  not {}", if self.is_far { "told from there" } else { "to be seen" })];
        }
        let mut rows = vec![["PROCESS", "PID", "MEAN CPU", "MOST MEMORY"].map(str::to_owned).to_vec()];
        rows.extend(self.biggest().into_iter().map(|((pid, name), cores, rss_bytes)| {
            let memory = whole(rss_bytes, Unit::Bytes);
            vec![
                fit(name, NAME_COLUMNS),
                pid.to_string(),
                quantity(cores.map(|cores| 100.0 * cores), Unit::Percent),
                memory,
            ]
        }));
        columns(&rows)
    }

    /// For programs.
    pub(crate) fn json(&self, seconds: f64) -> Value {
        let metric = |(metric, spread): (&BuiltIn, &Spread)| {
            let about = metric.description();
            let [p50, p90, p99] = spread.quantiles([0.5, 0.9, 0.99]);
            let numbers = json!({
                "unit": about.unit, "count": spread.count, "last": spread.last, "mean": spread.mean,
                "min": spread.min, "p50": p50, "p90": p90, "p99": p99, "max": spread.max,
            });
            (about.name.to_owned(), numbers)
        };
        let measured = BuiltIn::ALL.iter().zip(&self.metrics).filter(|(_, spread)| spread.count > 0);
        let (new, alerts) = self.new_alerts();
        let alerts: Vec<Value> = alerts
            .iter()
            .map(|alert| {
                json!({
                    "metric": alert.metric.as_deref(), "state": alert.state.name(), "level": alert.level.name(),
                    "message": alert.message, "timestamp": alert.timestamp,
                })
            })
            .collect();
        let process = |((pid, name), cores, rss_bytes): Biggest<'_>| {
            json!({
                "pid": pid, "name": name, "mean_cores": cores, "largest_rss_bytes": rss_bytes,
            })
        };
        json!({
            "host": self.host_name,
            "seconds": seconds,
            "samples": self.samples,
            "missed": self.missed(),
            "trouble": self.trouble,
            "metrics": measured.map(metric).collect::<serde_json::Map<_, _>>(),
            "alerts_total": new,
            "alerts": alerts,
            "processes": (self.looks > 0).then(|| self.biggest().into_iter().map(process).collect::<Vec<_>>()),
        })
    }
}

/// Names on the left, numbers on the right.
fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.first().map_or(0, Vec::len);
    let sides: Vec<Align> = (0..count).map(|at| if at == 0 { Align::Left } else { Align::Right }).collect();
    align(rows, &sides)
}
