//! How a command ends.

use std::{fmt, io};

use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::export::writing::printable::printable;

use crate::far::Trouble;

/// An end without a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It did what was asked.
    Done,
    /// It did, and what it found is that nothing else will work.
    Unusable,
    /// It was ended early, by the signal of this number.
    Interrupted(i32),
}

impl Ending {
    /// 0, or what a shell reports of a program that the signal killed.
    pub(super) fn code(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Unusable => 1,
            Self::Interrupted(signal) => 128 + signal,
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Its output, or something else that it asked of the system.
    System(io::Error),
    /// The monitor.
    Monitor(MonitoringError),
    /// What is far away.
    Far(Trouble),
    /// It was asked to run this Python program.
    NeedsPython(String),
}

impl Failure {
    /// Whether the reader of the output has gone, as `head` does.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::System(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether the terminal takes no output: a word about it would wait there for ever.
    pub(super) fn is_stuck_terminal(&self) -> bool {
        matches!(self, Self::System(error) if error.kind() == io::ErrorKind::TimedOut)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => write!(formatter, "cannot go on: {error}"),
            Self::Monitor(error) => error.fmt(formatter),
            Self::Far(trouble) => trouble.fmt(formatter),
            Self::NeedsPython(program) => write!(
                formatter,
                "only the command of the Python package runs Python programs: `pip install mtaio-monitoring` into their \
                 environment, then `{}`",
                printable(format!("mtaio run {program}").trim_end())
            ),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Far(trouble)
    }
}

impl From<MonitoringError> for Failure {
    fn from(error: MonitoringError) -> Self {
        Self::Monitor(error)
    }
}
