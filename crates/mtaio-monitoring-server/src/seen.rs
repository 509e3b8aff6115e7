//! What the clients of a stream know of the monitor, and what of it is different now, as a merge patch (RFC 7386).

use std::collections::{BTreeMap, HashMap};

use mtaio_monitoring::Snapshot;
use mtaio_monitoring::metrics::SeriesSnapshot;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::MonitorCore;
use serde_json::{Map, Value, json};

use crate::shown::{metric_json, series_json, threshold_json};

/// Metrics of the program that are told with what they are by now, in alphabetical order: each is summed up anew.
/// Their series are told all.
const MOST_METRICS: usize = 100;

/// What of a snapshot decides whether something has changed.
#[derive(Default)]
pub(crate) struct Seen {
    timestamp: Option<f64>,
    /// By the place in the catalogue.
    values: Vec<Option<f64>>,
    metrics: BTreeMap<String, Value>,
    /// By the series' title: how many values, and the last one.
    recorded: HashMap<String, (u64, Option<f64>)>,
    thresholds: BTreeMap<String, Value>,
    alerts: Option<u64>,
}

impl Seen {
    /// What makes the object of what was seen that of this snapshot, which is seen then.
    pub(crate) fn patch(&mut self, core: &MonitorCore, snapshot: &Snapshot) -> Map<String, Value> {
        let mut patch = Map::new();
        let mut put = |name: &str, inner: Map<String, Value>| {
            if !inner.is_empty() {
                patch.insert(name.to_owned(), Value::Object(inner));
            }
        };
        put("values", self.values(snapshot));
        put("metrics", objects(&mut self.metrics, metrics(core, snapshot)));
        put("recorded", self.recorded(snapshot));
        put("thresholds", objects(&mut self.thresholds, thresholds(snapshot)));
        let timestamp = snapshot.stats.as_ref().map(|stats| stats.timestamp);
        if self.timestamp != timestamp {
            patch.insert("timestamp".to_owned(), json!(timestamp));
            self.timestamp = timestamp;
        }
        if self.alerts != Some(snapshot.alerts.total) {
            patch.insert("alerts_total".to_owned(), json!(snapshot.alerts.total));
            self.alerts = Some(snapshot.alerts.total);
        }
        patch
    }

    fn values(&mut self, snapshot: &Snapshot) -> Map<String, Value> {
        let mut changed = Map::new();
        self.values.resize(BuiltIn::ALL.len(), None);
        for (metric, seen) in BuiltIn::ALL.iter().zip(&mut self.values) {
            let value =
                snapshot.stats.as_ref().and_then(|stats| stats.value(*metric)).filter(|value| value.is_finite());
            if value != *seen {
                changed.insert(metric.description().name.to_owned(), json!(value));
                *seen = value;
            }
        }
        changed
    }

    fn recorded(&mut self, snapshot: &Snapshot) -> Map<String, Value> {
        let mut changed = Map::new();
        let mut before = std::mem::take(&mut self.recorded);
        for series in &snapshot.recorded {
            let (title, now) = (series.title(), (series.count, series.last));
            if before.remove(&title) != Some(now) {
                changed.insert(title.clone(), without_null(series_json(series)));
            }
            self.recorded.insert(title, now);
        }
        changed.extend(before.into_keys().map(|gone| (gone, Value::Null)));
        changed
    }
}

fn metrics(core: &MonitorCore, snapshot: &Snapshot) -> BTreeMap<String, Value> {
    let mut first: BTreeMap<&str, &SeriesSnapshot> = BTreeMap::new();
    for series in &snapshot.recorded {
        first.entry(&series.name).or_insert(series);
    }
    let shown = first.into_values().take(MOST_METRICS);
    shown
        .map(|series| (series.name.to_string(), without_null(metric_json(core, snapshot, &series.name))))
        .collect()
}

fn thresholds(snapshot: &Snapshot) -> BTreeMap<String, Value> {
    let states = snapshot.thresholds.iter();
    states.map(|state| (state.rule.metric.to_string(), without_null(threshold_json(snapshot, state)))).collect()
}

/// What makes the objects that were those that are.
fn objects(known: &mut BTreeMap<String, Value>, now: BTreeMap<String, Value>) -> Map<String, Value> {
    let mut changed = Map::new();
    let mut before = std::mem::replace(known, now);
    for (name, now) in known {
        match before.remove(name).as_ref().and_then(Value::as_object) {
            None => drop(changed.insert(name.clone(), now.clone())),
            Some(then) => {
                let now = now.as_object().expect("one of ours");
                let new = now.iter().filter(|(field, value)| then.get(*field) != Some(value));
                let gone = then.keys().filter(|field| !now.contains_key(*field));
                let news: Map<String, Value> = new
                    .map(|(field, value)| (field.clone(), value.clone()))
                    .chain(gone.map(|field| (field.clone(), Value::Null)))
                    .collect();
                if !news.is_empty() {
                    changed.insert(name.clone(), Value::Object(news));
                }
            }
        }
    }
    changed.extend(before.into_keys().map(|gone| (gone, Value::Null)));
    changed
}

/// What there is: in a merge patch, null takes away.
fn without_null(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::objects;

    #[test]
    fn of_objects_the_fields_that_changed_are_told() {
        let of = |all: Value| -> BTreeMap<String, Value> {
            all.as_object().expect("objects").clone().into_iter().collect()
        };
        let mut known = BTreeMap::new();
        let mut told = |all| Value::Object(objects(&mut known, of(all)));
        assert_eq!(told(json!({"a": {"x": 1, "y": 2}, "b": {}})), json!({"a": {"x": 1, "y": 2}, "b": {}}));
        assert_eq!(told(json!({"a": {"x": 1, "y": 2}, "b": {}})), json!({}));
        assert_eq!(
            told(json!({"a": {"x": 1, "z": 3}, "c": {}})),
            json!({"a": {"y": null, "z": 3}, "b": null, "c": {}})
        );
    }
}
