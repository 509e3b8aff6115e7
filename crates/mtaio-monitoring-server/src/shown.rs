//! What the monitor knows as JSON.

use mtaio_monitoring::alerts::{Aggregate, Rule};
use mtaio_monitoring::metrics::catalogue::{BuiltIn, Kind};
use mtaio_monitoring::metrics::{Declaration, Labels, SeriesSnapshot};
use mtaio_monitoring::monitor::MonitorCore;
use mtaio_monitoring::snapshot::ThresholdState;
use mtaio_monitoring::{Alert, Snapshot};
use serde_json::{Map, Value, json};

/// How far back the numbers go that a metric is shown with.
const LATELY_SECONDS: f64 = 60.0;

/// Every metric with what is known of it: those that the monitor measures, and those that the program records.
pub(crate) fn metrics_json(snapshot: &Snapshot) -> Value {
    let built_in = BuiltIn::ALL.iter().map(|metric| {
        let about = metric.description();
        let value = snapshot.stats.as_ref().and_then(|stats| stats.value(*metric));
        json!({ "name": about.name, "kind": about.kind.name(), "unit": about.unit, "help": about.help, "value": value })
    });
    let recorded = snapshot.recorded.iter().map(|series| {
        let mut shown = series_json(series);
        shown["name"] = (*series.name).into();
        shown["labels"] = labels_json(&series.labels);
        describe(&mut shown, snapshot, &series.name);
        shown
    });
    json!({ "built_in": built_in.collect::<Vec<_>>(), "recorded": recorded.collect::<Vec<_>>() })
}

/// What a metric was declared to be, which is given.
fn describe(shown: &mut Value, snapshot: &Snapshot, name: &str) -> Kind {
    let declared = snapshot.declared.get(name);
    let kind = declared.map_or(Kind::Untyped, Declaration::kind);
    shown["kind"] = kind.name().into();
    shown["unit"] = declared.map_or("", |declared| declared.unit()).into();
    shown["help"] = declared.map_or("", |declared| declared.help()).into();
    kind
}

/// The numbers of a series.
pub(crate) fn series_json(series: &SeriesSnapshot) -> Value {
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| series.sketch.quantile(share));
    json!({
        "last": series.last, "count": series.count, "sum": series.sum, "min": series.min, "max": series.max,
        "p50": p50, "p90": p90, "p99": p99,
    })
}

fn labels_json(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<Map<_, _>>())
}

/// The newest alerts, and every threshold.
pub(crate) fn alerts_json(snapshot: &Snapshot) -> Value {
    json!({
        "total": snapshot.alerts.total,
        "newest": snapshot.alerts.newest.iter().map(alert_json).collect::<Vec<_>>(),
        "thresholds": snapshot.thresholds.iter().map(|state| threshold_json(snapshot, state)).collect::<Vec<_>>(),
    })
}

pub(crate) fn alert_json(alert: &Alert) -> Value {
    json!({
        "metric": alert.metric.as_deref(), "value": alert.value, "threshold": alert.threshold,
        "message": alert.message, "state": alert.state.name(), "level": alert.level.name(),
        "timestamp": alert.timestamp, "since": alert.since, "peak": alert.peak,
        "labels": labels_json(&alert.labels), "window_seconds": alert.window_seconds,
        "annotations": alert.annotations.iter()
            .map(|(name, text)| (name.to_string(), Value::from(&**text))).collect::<Map<_, _>>(),
    })
}

pub(crate) fn threshold_json(snapshot: &Snapshot, threshold: &ThresholdState) -> Value {
    let rule = &threshold.rule;
    json!({
        "metric": &*rule.metric, "threshold": rule.threshold, "critical": rule.critical, "below": rule.below,
        "clear": rule.clear, "for_seconds": rule.for_ns as f64 / 1e9, "level": rule.level.name(),
        "unit": threshold_unit(snapshot, rule), "value": threshold.value,
        "pending": threshold.pending, "firing": threshold.firing,
    })
}

/// The unit of what a threshold watches; none for shares, numbers of values, and what nobody has declared.
fn threshold_unit(snapshot: &Snapshot, rule: &Rule) -> String {
    let term = &rule.expression.term;
    let is_number = matches!(term.aggregate, Aggregate::Count | Aggregate::Rate);
    if rule.expression.divisor.is_some() || is_number {
        return String::new();
    }
    let built_in = BuiltIn::from_name(&term.metric).map(|metric| metric.description().unit.to_owned());
    let declared = || snapshot.declared.get(&term.metric).map(|declared| declared.unit().to_owned());
    built_in.or_else(declared).unwrap_or_default()
}

/// What a metric of the program is by now, all its series together, over the newest minute.
pub(crate) fn metric_json(core: &MonitorCore, snapshot: &Snapshot, name: &str) -> Value {
    let mut shown = json!({});
    let kind = describe(&mut shown, snapshot, name);
    let Ok(summary) = core.summary(name, Some(LATELY_SECONDS), None) else { return shown };
    let quantile = |share| summary.sketch.quantile(share);
    let numbers: &[(&str, Option<f64>)] = match kind {
        Kind::Counter => &[("rate", summary.rate())],
        Kind::Gauge => &[("last", summary.last)],
        _ => &[("last", summary.last), ("p50", quantile(0.5)), ("p90", quantile(0.9)), ("p99", quantile(0.99))],
    };
    for (name, number) in numbers {
        shown[*name] = json!(number.filter(|number| number.is_finite()));
    }
    shown
}
