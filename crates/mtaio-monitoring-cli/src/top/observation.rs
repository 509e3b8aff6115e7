//! What there is to see, and who sees it.

use mtaio_monitoring::rates::{Details, ProcessEvidence};

use crate::view::View;

/// Whatever can be watched: this machine, or a process that serves its monitor on a network.
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
    /// Of what is far away; `None` for this machine.
    pub remote: Option<Remote>,
}

/// How the way is to what is watched from afar. Lists are not told there: neither processes nor disks one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Why nothing comes from there at present; it is tried again.
    pub trouble: Option<String>,
}

/// What there is one of for each processor, disk, interface, file system and process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lists {
    /// All but the processes.
    pub details: Details,
    /// The processes that can be seen; `None` where none can.
    pub processes: Option<Vec<ProcessEvidence>>,
}
