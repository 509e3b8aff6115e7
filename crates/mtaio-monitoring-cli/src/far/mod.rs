//! A process that serves its monitor somewhere else: asked, listened to, and never believed.
//!
//! All that comes from there is foreign. An answer and an event have bounds, what is kept of them has bounds too, and what is
//! not what it should be was not told.

mod client;
mod events;
mod listening;
#[cfg(test)]
mod tests;
mod told;

use std::sync::{Arc, Mutex, PoisonError};

use mtaio_monitoring::monitor::HealthReport;
use mtaio_monitoring::thread::spawn;
use mtaio_monitoring::{Snapshot, SystemStats};

use crate::top::{Lists, Observation, Remote, Source};
use crate::view::View;

pub(crate) use client::{Client, Trouble};

pub(crate) use listening::Past;

use listening::{Listening, Shared};
use told::{About, Alerts};

/// A process that serves its monitor.
#[derive(Debug)]
pub(crate) struct Far {
    shared: Arc<Mutex<Shared>>,
    address: String,
    newest: Option<SystemStats>,
    samples: u64,
}

impl Far {
    /// Finds out who answers there, and begins to listen, on a thread of its own.
    ///
    /// # Errors
    ///
    /// Where nobody answers, or who does is no monitor, or wants another token.
    pub(crate) fn connect(address: &str, token: Option<&str>, past: Past) -> Result<Self, Trouble> {
        let client = Client::new(address, token)?;
        let alerts: Alerts = client.json("api/v1/alerts")?;
        let about: About = match client.json("api/v1/about") {
            // One that is older than this path tells less.
            Err(Trouble::NotThere { .. }) => About::default(),
            about => about?,
        };
        let mut shared = Shared::default();
        shared.about = about;
        shared.take_in_alerts(alerts);
        let shared = Arc::new(Mutex::new(shared));
        let address = client.address().to_owned();
        let listening = Listening::new(client, Arc::downgrade(&shared), past);
        spawn("mtaio far", move || listening.listen()).map_err(Trouble::System)?;
        Ok(Self { shared, address, newest: None, samples: 0 })
    }

    /// What stands in the way at present; it is tried again.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    /// How things stand there, as far as it was told; its history holds what was sampled since the call before.
    pub(crate) fn view(&mut self) -> View {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut history: Vec<SystemStats> = shared.samples.drain(..).collect();
        for stats in &mut history {
            // One that was started anew counts from 0 again.
            self.samples += 1;
            stats.sequence = self.samples;
        }
        if let Some(newest) = history.last() {
            self.newest = Some(newest.clone());
        }
        let health = HealthReport {
            running: shared.about.is_running.unwrap_or(true),
            samples: self.samples,
            missed_ticks: self.newest.as_ref().and_then(|stats| stats.monitor.missed_ticks).unwrap_or(0),
            ..HealthReport::default()
        };
        let snapshot = Snapshot {
            interval_seconds: shared.interval_seconds(),
            stats: self.newest.clone(),
            recorded: shared.recorded.values().cloned().collect(),
            declared: Arc::default(),
            thresholds: shared.thresholds.clone(),
            alerts: shared.alerts.clone(),
            health,
        };
        View { title: format!("mtaio top {}", self.address), snapshot, history }
    }
}

impl Source for Far {
    fn observe(&mut self, _newest: Option<f64>) -> Observation {
        let view = self.view();
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let host_name = shared.about.hostname.clone().or_else(|| Some(self.address.clone()));
        let remote = Some(Remote { trouble: shared.trouble.clone() });
        // Nobody tells of lists.
        let lists = (!view.history.is_empty()).then(Lists::default);
        Observation { host_name, view, lists, remote }
    }
}
