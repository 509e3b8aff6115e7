//! The token of a server: what it asks for, and what is sent to one.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::export::writing::printable::printable;

/// Holds the token, where no file does.
const VARIABLE: &str = "MTAIO_TOKEN";

/// A file that is longer holds no token.
const MOST_BYTES: u64 = 4096;

#[derive(Args, Debug)]
pub(super) struct Token {
    /// Take the token out of this file; without it, out of the variable MTAIO_TOKEN, if that is set
    ///
    /// There is no option for the token itself: everybody would see it in the list of processes.
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
}

impl Token {
    /// Whether a file was named.
    pub(super) fn is_file_given(&self) -> bool {
        self.token_file.is_some()
    }

    /// What was given; `None` where nothing was.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a file that cannot be read or is no token's.
    pub(super) fn read(&self) -> Result<Option<String>, MonitoringError> {
        let Some(path) = &self.token_file else {
            // What is no text is refused with the words for tokens.
            return Ok(std::env::var_os(VARIABLE).map(|token| token.to_string_lossy().into_owned()));
        };
        let cannot = |why: String| {
            let path = printable(&path.to_string_lossy());
            MonitoringError::Configuration(format!("the token cannot be read from {path}: {why}"))
        };
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|error| cannot(error.to_string()))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(cannot(format!("it has more than {MOST_BYTES} bytes")));
        }
        // An editor ends the file with a line feed.
        Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
    }
}
