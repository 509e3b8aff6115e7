//! What was going on when an alert fired: for whoever is woken by it.

use crate::profiler::TraceEvidence;
use crate::rates::{ProcessEvidence, SystemStats};

/// What was going on when an alert fired, or became worse. What was not measured is `None`, and a list of it is empty.
///
/// Alerts that fire together share one. It is small, whatever the service does: five traces of each sort and ten processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// When it was gathered, in seconds since the epoch.
    pub timestamp: f64,
    /// The sample in which the alert fired; of one that a recorded value set off, the newest. `None` where the monitor does
    /// not run.
    pub sample: Option<SystemStats>,
    /// The slowest of the traces that were open, of the profiler that is attached, the slowest first.
    pub slowest_open: Vec<TraceEvidence>,
    /// The slowest of the newest thousand traces that had ended, the slowest first.
    pub slowest_recent: Vec<TraceEvidence>,
    /// The five processes with the most resident memory and the five that used the most processor time, each once, the one
    /// with the most memory first.
    pub biggest_processes: Vec<ProcessEvidence>,
    /// How many seconds before `timestamp` the processes were looked at. They are looked at by the sampling thread alone,
    /// for an alert of a sample; one that a recorded value sets off has what such a look of the last ten seconds found.
    pub processes_age_seconds: Option<f64>,
}
