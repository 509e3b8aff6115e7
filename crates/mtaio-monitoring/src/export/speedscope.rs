//! Not yet.

use crate::profiler::Profile;

/// The file.
pub(super) fn write(_profile: &Profile) -> String {
    String::new()
}
