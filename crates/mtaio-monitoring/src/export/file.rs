//! Profiles on disk. The only file of this room that touches the file system.

use std::fs;
use std::path::Path;

use crate::error::{MonitoringError, Result};
use crate::profiler::Profile;

use super::Format;

impl Profile {
    /// Writes the profile to a file, in the format that the ending of its name tells: see [`Format::of_path`]; as JSON
    /// where it tells none.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Profile`] where the file cannot be written.
    ///
    /// ```no_run
    /// # let profile = mtaio_monitoring::Profiler::new().profile();
    /// profile.save("run.json")?;
    /// profile.save("run.html")?;
    /// let again = mtaio_monitoring::profiler::Profile::load("run.json")?;
    /// # Ok::<(), mtaio_monitoring::MonitoringError>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let format = Format::of_path(&path).unwrap_or(Format::Json);
        self.save_as(path, format)
    }

    /// Writes the profile to a file, in this format.
    ///
    /// # Errors
    ///
    /// As [`Self::save`].
    pub fn save_as(&self, path: impl AsRef<Path>, format: Format) -> Result<()> {
        let path = path.as_ref();
        fs::write(path, self.export(format))
            .map_err(|error| MonitoringError::Profile(format!("cannot write {}: {error}", path.display())))
    }

    /// Reads a profile that was saved as JSON.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Profile`] where the file cannot be read, or holds no profile: see [`Self::from_json`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let place = |error: String| MonitoringError::Profile(format!("cannot read {}: {error}", path.display()));
        let bytes = fs::read(path).map_err(|error| place(error.to_string()))?;
        Self::from_json(&bytes).map_err(|error| place(error.to_string()))
    }
}
