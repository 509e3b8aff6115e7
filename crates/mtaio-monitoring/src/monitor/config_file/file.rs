//! What a configuration asks of the system: a file, and variables of the environment.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{MonitoringError, Result};

use super::MOST_BYTES;

/// The bytes of a file, of which there may be so many.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let wrong = |what: &str| MonitoringError::Configuration(format!("cannot read {}: {what}", path.display()));
    let file = File::open(path).map_err(|error| wrong(&error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| wrong(&error.to_string()))?;
    Ok(bytes)
}

/// The value of a variable, where it has one that is text.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
