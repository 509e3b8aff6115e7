//! One page that a browser opens from disk.

use crate::profiler::Profile;

/// The page.
pub(super) fn write(profile: &Profile) -> String {
    let text = profile.to_string().replace('&', "&amp;").replace('<', "&lt;");
    format!("<!doctype html>\n<meta charset=\"utf-8\">\n<title>Profile</title>\n<pre>{text}</pre>\n")
}
