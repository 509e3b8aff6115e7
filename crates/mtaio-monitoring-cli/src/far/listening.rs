//! The thread that listens to a stream, and asks for what it is told has changed.
//!
//! The stream tells at once that there is something new, and of recorded metrics what; samples and alerts are then asked for,
//! which gives all fields of a sample, and those that were taken while nobody listened.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufReader};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use mtaio_monitoring::SystemStats;
use mtaio_monitoring::export::samples_of_json;
use mtaio_monitoring::metrics::SeriesSnapshot;
use mtaio_monitoring::monitor::RecentAlerts;
use mtaio_monitoring::snapshot::ThresholdState;

use super::client::{Client, Trouble};
use super::events::Events;
use super::told::{About, Alerts, MOST_THRESHOLDS, Numbers, Patch};

/// Series that are kept, and the bytes of a title.
const MOST_SERIES: usize = 10_000;
const MOST_TITLE: usize = 4_096;
/// Samples that wait to be taken: half an hour of one a second.
const MOST_SAMPLES: usize = 2_000;
/// Samples of before the beginning that are asked for.
const BEFORE: f64 = 300.0;
/// Samples in one answer, and answers to one event.
const PAGE: u32 = 300;
const MOST_PAGES: u32 = 4;
/// Alerts that are kept: as many as a monitor keeps.
const MOST_ALERTS: usize = 32;
/// Between two attempts.
const BREATH: Duration = Duration::from_secs(1);

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) about: About,
    /// By their titles.
    pub(super) recorded: BTreeMap<String, SeriesSnapshot>,
    numbers: BTreeMap<String, Numbers>,
    pub(super) thresholds: Vec<ThresholdState>,
    pub(super) alerts: RecentAlerts,
    /// That nobody has taken yet, oldest first.
    pub(super) samples: VecDeque<SystemStats>,
    pub(super) trouble: Option<String>,
}

impl Shared {
    /// Seconds between two samples; 1 where that is not told.
    pub(super) fn interval_seconds(&self) -> f64 {
        self.about.interval_seconds.filter(|seconds| (0.001..=86_400.0).contains(seconds)).unwrap_or(1.0)
    }

    pub(super) fn take_in_alerts(&mut self, alerts: Alerts) {
        let thresholds = alerts.thresholds.into_iter().take(MOST_THRESHOLDS);
        self.thresholds = thresholds.filter_map(super::told::ToldThreshold::state).collect();
        let skipped = alerts.newest.len().saturating_sub(MOST_ALERTS);
        let newest = alerts.newest.into_iter().skip(skipped).map(super::told::ToldAlert::alert);
        self.alerts = RecentAlerts { newest: newest.collect(), total: alerts.total };
    }

    fn take_in_values(&mut self, patch: &Patch) {
        for (metric, value) in patch.threshold_values() {
            if let Some(threshold) = self.thresholds.iter_mut().find(|threshold| *threshold.rule.metric == *metric)
            {
                threshold.value = value;
            }
        }
    }

    fn take_in_recorded(&mut self, patch: Patch) {
        for (title, numbers) in patch.recorded {
            let Some(numbers) = numbers else {
                self.numbers.remove(&title);
                self.recorded.remove(&title);
                continue;
            };
            let known = self.numbers.get(&title);
            if known.is_none() && (self.numbers.len() >= MOST_SERIES || title.len() > MOST_TITLE) {
                continue;
            }
            let merged = known.map_or_else(|| numbers.clone(), |known| known.merged(&numbers));
            self.recorded.insert(title.clone(), merged.series(&title));
            self.numbers.insert(title, merged);
        }
    }

    fn take_in_sample(&mut self, stats: SystemStats) {
        if self.samples.len() >= MOST_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(stats);
    }
}

pub(super) struct Listening {
    client: Client,
    shared: Weak<Mutex<Shared>>,
    past: Past,
    /// The time of the newest sample that was asked for.
    newest: Option<f64>,
}

/// Which samples are wanted of before the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// As many as fill a chart.
    Some,
    /// The newest alone.
    None,
}

impl Listening {
    pub(super) fn new(client: Client, shared: Weak<Mutex<Shared>>, past: Past) -> Self {
        Self { client, shared, past, newest: None }
    }

    /// Until nobody looks at what was told any more.
    pub(super) fn listen(mut self) {
        while self.with(|_| ()).is_some() {
            let trouble = match self.follow() {
                Ok(()) => return,
                Err(trouble) => trouble.to_string(),
            };
            if self.with(|shared| shared.trouble = Some(trouble)).is_none() {
                return;
            }
            std::thread::sleep(BREATH);
        }
    }

    /// What is done to what was told; `None` where nobody looks at it any more.
    fn with<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> Option<T> {
        let shared = self.shared.upgrade()?;
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        Some(change(&mut shared))
    }

    /// One stream, to its end. It is only without trouble where nobody looks any more.
    fn follow(&mut self) -> Result<(), Trouble> {
        let mut events = Events::new(BufReader::new(self.client.stream("api/v1/stream")?));
        let away = |client: &Client, error: io::Error| client.away(ureq::Error::from(error));
        while let Some((name, data)) = events.next().map_err(|error| away(&self.client, error))? {
            if !matches!(name.as_str(), "snapshot" | "patch") {
                // An alert is counted in a patch.
                continue;
            }
            let patch: Patch = serde_json::from_slice(&data).map_err(|_| Trouble::Foreign {
                address: self.client.address().to_owned(),
                why: "an event of its stream is not as JSON should be".to_owned(),
            })?;
            if name == "snapshot" {
                self.refresh()?;
            } else if patch.changes_thresholds() || patch.alerts_total.is_some() {
                self.ask_for_alerts()?;
            }
            if let Some(timestamp) = patch.timestamp {
                self.ask_for_samples(timestamp)?;
            }
            let is_first = name == "snapshot";
            let taken_in = self.with(|shared| {
                if is_first {
                    shared.recorded.clear();
                    shared.numbers.clear();
                }
                shared.take_in_values(&patch);
                shared.take_in_recorded(patch);
                shared.trouble = None;
            });
            if taken_in.is_none() {
                return Ok(());
            }
        }
        Err(away(&self.client, io::ErrorKind::UnexpectedEof.into()))
    }

    /// All that may have changed while nobody listened.
    fn refresh(&self) -> Result<(), Trouble> {
        let about = match self.client.json::<About>("api/v1/about") {
            Err(Trouble::NotThere { .. }) => About::default(),
            about => about?,
        };
        self.with(|shared| shared.about = about);
        self.ask_for_alerts()
    }

    fn ask_for_alerts(&self) -> Result<(), Trouble> {
        let alerts: Alerts = self.client.json("api/v1/alerts")?;
        self.with(|shared| shared.take_in_alerts(alerts));
        Ok(())
    }

    /// The samples since the newest one that there is.
    fn ask_for_samples(&mut self, timestamp: f64) -> Result<(), Trouble> {
        let interval = self.with(|shared| shared.interval_seconds()).unwrap_or(1.0);
        let newest = self.newest.filter(|newest| newest.is_finite() && *newest <= timestamp);
        let before = if self.past == Past::Some { BEFORE * interval } else { 0.0 };
        let mut start = newest.map_or(timestamp - before, f64::next_up);
        for _ in 0..MOST_PAGES {
            let path = format!("api/v1/history?start={start}&limit={PAGE}");
            let bytes = self.client.bytes(&path, "application/json")?;
            let page = samples_of_json(&bytes).ok_or_else(|| Trouble::Foreign {
                address: self.client.address().to_owned(),
                why: "its history is not as JSON should be".to_owned(),
            })?;
            let samples: Vec<_> = page.samples.into_iter().filter(|stats| stats.timestamp >= start).collect();
            self.newest = samples.last().map(|stats| stats.timestamp).or(self.newest);
            self.with(|shared| samples.into_iter().for_each(|stats| shared.take_in_sample(stats)));
            match page.next_start.filter(|next| *next > start) {
                Some(next) => start = next,
                None => return Ok(()),
            }
        }
        // There are more than anybody would look at one by one: those of now are.
        self.newest = Some(timestamp);
        Ok(())
    }
}
