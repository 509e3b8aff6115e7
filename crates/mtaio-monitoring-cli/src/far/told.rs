//! What a server tells, by the types that it should be of. What is not told is `None`; what is unknown is passed over.

use std::collections::HashMap;
use std::sync::Arc;

use mtaio_monitoring::alerts::{Alert, AlertState, Level, Rule, RuleOptions};
use mtaio_monitoring::metrics::{Labels, SeriesSnapshot, Sketch};
use mtaio_monitoring::snapshot::ThresholdState;
use serde::{Deserialize, Deserializer};

/// Characters of a text that is kept.
const MOST_TEXT: usize = 1_000;
/// Thresholds that are kept.
pub(super) const MOST_THRESHOLDS: usize = 1_000;

/// `/api/v1/about`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct About {
    #[serde(default, deserialize_with = "text")]
    pub(super) hostname: Option<String>,
    #[serde(default)]
    pub(super) interval_seconds: Option<f64>,
    #[serde(default)]
    pub(super) is_running: Option<bool>,
}

/// `/api/v1/alerts`.
#[derive(Debug, Deserialize)]
pub(super) struct Alerts {
    pub(super) total: u64,
    pub(super) newest: Vec<ToldAlert>,
    pub(super) thresholds: Vec<ToldThreshold>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToldAlert {
    #[serde(default, deserialize_with = "text")]
    metric: Option<String>,
    value: Option<f64>,
    threshold: Option<f64>,
    #[serde(default, deserialize_with = "text")]
    message: Option<String>,
    state: Option<String>,
    level: Option<String>,
    #[serde(default)]
    timestamp: f64,
    since: Option<f64>,
    peak: Option<f64>,
    window_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToldThreshold {
    #[serde(default, deserialize_with = "text")]
    metric: Option<String>,
    threshold: f64,
    #[serde(default)]
    critical: Option<f64>,
    #[serde(default)]
    below: bool,
    #[serde(default)]
    clear: Option<f64>,
    #[serde(default)]
    for_seconds: f64,
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    value: Option<f64>,
    #[serde(default)]
    pending: bool,
    #[serde(default)]
    firing: bool,
}

/// A snapshot of the stream, or a merge patch of it (RFC 7386), as far as it is looked at. Of nested objects a field that is
/// missing is unchanged, and null takes away.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Patch {
    #[serde(default)]
    pub(super) timestamp: Option<f64>,
    #[serde(default)]
    pub(super) alerts_total: Option<u64>,
    #[serde(default)]
    thresholds: HashMap<String, Option<ThresholdPatch>>,
    #[serde(default)]
    pub(super) recorded: HashMap<String, Option<Numbers>>,
}

/// What is new of a threshold.
#[derive(Debug, Deserialize)]
struct ThresholdPatch {
    /// `Some(None)`: there is none any more.
    #[serde(default, deserialize_with = "there")]
    value: Option<Option<f64>>,
    #[serde(flatten)]
    more: HashMap<String, serde::de::IgnoredAny>,
}

impl Patch {
    /// Whether thresholds have come, gone or changed: who they are and how they stand is asked for then.
    pub(super) fn changes_thresholds(&self) -> bool {
        self.thresholds.values().any(|patch| patch.as_ref().is_none_or(|patch| !patch.more.is_empty()))
    }

    /// Thresholds whose newest value is another one.
    pub(super) fn threshold_values(&self) -> impl Iterator<Item = (&str, Option<f64>)> {
        self.thresholds.iter().filter_map(move |(metric, patch)| {
            let value = patch.as_ref()?.value?;
            Some((metric.as_str(), value))
        })
    }
}

/// The numbers of a series.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Numbers {
    last: Option<f64>,
    count: Option<u64>,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
}

/// A field that is there, be it null.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| text.chars().take(MOST_TEXT).collect()))
}

impl ToldAlert {
    pub(super) fn alert(self) -> Alert {
        let mut alert = Alert::of_message(self.message.unwrap_or_default(), self.timestamp);
        alert.metric = self.metric.map(Into::into);
        (alert.value, alert.threshold) = (self.value, self.threshold);
        (alert.since, alert.peak) = (self.since, self.peak);
        alert.window_seconds = self.window_seconds;
        alert.level = level(self.level.as_deref());
        alert.state =
            if self.state.as_deref() == Some("resolved") { AlertState::Resolved } else { AlertState::Firing };
        alert
    }
}

impl ToldThreshold {
    /// `None` where it is none.
    pub(super) fn state(self) -> Option<ThresholdState> {
        let metric = self.metric?;
        let options = RuleOptions {
            below: self.below,
            clear: self.clear,
            for_seconds: self.for_seconds,
            critical: self.critical,
            level: level(self.level.as_deref()),
            ..RuleOptions::default()
        };
        // How it goes about it is of less interest than that it is there.
        let plain = || RuleOptions { below: self.below, ..RuleOptions::default() };
        let rule = Rule::new(&metric, self.threshold, options);
        let rule = rule.or_else(|_| Rule::new(&metric, self.threshold, plain())).ok()?;
        Some(ThresholdState { rule, value: self.value, pending: self.pending, firing: self.firing })
    }
}

fn level(name: Option<&str>) -> Level {
    name.and_then(|name| Level::from_name(name).ok()).unwrap_or_default()
}

/// Of how many values the stand-in for a distribution is made, and how many of them are which quantile: no quantile lies at the
/// edge of its own.
const STAND_INS: [usize; 4] = [120, 70, 9, 1];

impl Numbers {
    /// The series. Of its distribution the quantiles are known that were told, and no others.
    pub(super) fn series(&self, title: &str) -> SeriesSnapshot {
        let (name, labels) = name_and_labels(title);
        let sketch = Sketch::new();
        for (value, count) in [self.p50, self.p90, self.p99, self.max].into_iter().zip(STAND_INS) {
            // JSON has no others than finite ones.
            for value in value.iter().filter(|value| value.is_finite()) {
                (0..count).for_each(|_| sketch.record(*value));
            }
        }
        SeriesSnapshot {
            name,
            labels,
            last: self.last,
            count: self.count.unwrap_or(0),
            sum: self.sum.unwrap_or(0.0),
            min: self.min,
            max: self.max,
            sketch: sketch.snapshot(),
            classic: None,
        }
    }

    /// With what a patch says.
    pub(super) fn merged(&self, patch: &Self) -> Self {
        Self {
            last: patch.last.or(self.last),
            count: patch.count.or(self.count),
            sum: patch.sum.or(self.sum),
            min: patch.min.or(self.min),
            max: patch.max.or(self.max),
            p50: patch.p50.or(self.p50),
            p90: patch.p90.or(self.p90),
            p99: patch.p99.or(self.p99),
        }
    }
}

/// `request_duration{route="/x"}` taken apart. What is no such title is a name altogether.
fn name_and_labels(title: &str) -> (Arc<str>, Labels) {
    let labels = title.find('{').and_then(|at| Some((&title[..at], labels(title[at..].strip_suffix('}')?)?)));
    match labels {
        Some((name, labels)) => (name.into(), labels),
        None => (title.into(), Labels::default()),
    }
}

/// `{a="x",b="y"`, with `\"`, `\\` and `\n` in the values.
fn labels(text: &str) -> Option<Labels> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, value) = rest[1..].split_once("=\"")?;
        let (mut told, mut end, mut letters) = (String::new(), None, value.char_indices());
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    end = Some(at);
                    break;
                }
                '\\' => match letters.next()?.1 {
                    'n' => told.push('\n'),
                    escaped => told.push(escaped),
                },
                letter => told.push(letter),
            }
        }
        pairs.push((name, told));
        rest = &value[end? + 1..];
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
    Some(Labels::new(pairs))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{Labels, Numbers, Patch, name_and_labels};

    #[test]
    fn titles_are_taken_apart_as_they_were_put_together() {
        for pairs in [&[][..], &[("a", "x")], &[("a", "x\"y\\z\n{,}="), ("b", "")]] {
            let labels = Labels::new(pairs.iter().copied());
            let title = format!("request_duration{labels}");
            assert_eq!(name_and_labels(&title), ("request_duration".into(), labels), "{title}");
        }
        for odd in ["", "{", "}", "a{b}", "a{b=\"", "a{b=\"c\"d=\"e\"}", "a{b=\"\\"] {
            assert_eq!(&*name_and_labels(odd).0, odd);
        }
    }

    #[test]
    fn a_series_has_the_quantiles_that_were_told() {
        let numbers: Numbers = serde_json::from_str(
            r#"{"last": 3, "count": 9, "sum": 30, "max": 80, "p50": 2, "p90": 4, "p99": 70}"#,
        )
        .unwrap();
        let series = numbers.series("x");
        for (share, told) in [(0.5, 2.0), (0.9, 4.0), (0.99, 70.0)] {
            let value = series.sketch.quantile(share).unwrap();
            assert!((value - told).abs() <= 0.0109 * told, "{share}: {value}");
        }
        assert_eq!((series.last, series.count, series.max, series.min), (Some(3.0), 9, Some(80.0), None));
        assert_eq!(Numbers::default().series("x").sketch.quantile(0.5), None);
    }

    #[test]
    fn a_patch_is_taken_as_far_as_it_goes() {
        let text = r#"{"values": {"cpu_usage": null}, "recorded": {"gone": null, "x": {"last": 1, "new": []}}, "more": 1}"#;
        let patch: Patch = serde_json::from_str(text).unwrap();
        assert!(patch.recorded["gone"].is_none() && patch.timestamp.is_none() && !patch.changes_thresholds());
        let merged = serde_json::from_str::<Numbers>(r#"{"last": 0, "max": 5}"#).unwrap();
        let merged = merged.merged(patch.recorded["x"].as_ref().unwrap());
        assert_eq!((merged.last, merged.max), (Some(1.0), Some(5.0)));
    }

    #[test]
    fn a_threshold_whose_value_alone_is_new_is_not_asked_for_again() {
        let of = |text: &str| -> Patch { serde_json::from_str(&format!(r#"{{"thresholds": {text}}}"#)).unwrap() };
        let values = of(r#"{"a": {"value": 3}, "b": {"value": null}}"#);
        assert!(!values.changes_thresholds());
        let told: HashMap<_, _> = values.threshold_values().collect();
        assert_eq!(told, HashMap::from([("a", Some(3.0)), ("b", None)]));
        for changed in [r#"{"a": null}"#, r#"{"a": {"value": 3, "firing": true}}"#, r#"{"a": {"pending": false}}"#]
        {
            assert!(of(changed).changes_thresholds(), "{changed}");
        }
        assert_eq!(of(r#"{"a": {"pending": false}}"#).threshold_values().count(), 0);
    }

    proptest! {
        #[test]
        fn any_title_is_a_series(title in ".{0,60}|a\\{[ab=\",\\\\n}]{0,30}\\}") {
            let _ = name_and_labels(&title);
        }
    }
}
