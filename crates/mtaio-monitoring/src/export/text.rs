//! A profile as people read it.

use std::fmt;

use crate::profiler::Profile;

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} traces", self.traces().len())
    }
}
