//! The whole profile as JSON, and back.

use crate::error::{MonitoringError, Result};
use crate::profiler::Profile;

/// The profile.
pub(super) fn write(_profile: &Profile) -> String {
    "{}".to_owned()
}

impl Profile {
    /// Reads a profile that was exported as JSON.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Profile`], which says what was found where.
    pub fn from_json(_bytes: &[u8]) -> Result<Self> {
        Err(MonitoringError::Profile("not yet".to_owned()))
    }
}
