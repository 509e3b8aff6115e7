//! What there is to see, and who sees it.

use mtaio_monitoring::rates::{Details, ProcessEvidence};

use crate::view::View;

/// Whatever can be watched. So far that is this machine; a process that serves its monitor on a network is another.
pub trait Source: Send {
    /// Looks. `newest` is the time of the newest sample that the caller has: only younger ones are wanted.
    fn observe(&mut self, newest: Option<f64>) -> Observation;
}

/// One look at what is watched.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The machine's name; foreign text. `None` where it is not known.
    pub host_name: Option<String>,
    /// How things stand now. Its history holds what was sampled since the look before, oldest first.
    pub view: View,
    /// What belongs to the newest of these samples; `None` where nothing new was listed.
    pub lists: Option<Lists>,
}

/// What there is one of for each processor, disk, interface, file system and process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lists {
    /// All but the processes.
    pub details: Details,
    /// The processes that can be seen; `None` where none can.
    pub processes: Option<Vec<ProcessEvidence>>,
}
