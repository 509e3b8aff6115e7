//! A profile as bytes that other programs open, and as text that people read; a saved one read back; and a snapshot of a
//! monitor as Prometheus scrapes it.
//!
//! One file a format. What several of them need stands beside them: [`tree`], the calls merged by their path of names,
//! and [`tracks`], the slices of each task laid out so that none overlaps another.

mod chrome_trace;
mod collapsed;
mod evidence;
mod file;
mod html;
mod json;
mod json_text;
mod notebook;
mod prometheus;
mod sample_json;
mod speedscope;
mod text;
mod timeline;
mod tracks;
mod tree;
pub mod writing;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::{MonitoringError, Result};
use crate::profiler::Profile;

pub use html::page_policy;
pub use prometheus::Exposition;
#[cfg(feature = "protobuf")]
pub use prometheus::PROTOBUF_CONTENT_TYPE;
pub use sample_json::{SamplePage, sample_json, samples_of_json};
pub use timeline::{
    DONE, FAILED, GONE, Sink, TAKEN, TIMELINE_ATTRIBUTE, TIMELINE_CAPSULE, TIMELINE_VERSION, Timeline,
};

/// What a profile can be written as.
///
/// ```
/// use mtaio_monitoring::Profiler;
/// use mtaio_monitoring::export::Format;
///
/// let profiler = Profiler::new();
/// drop(profiler.enter("parse"));
/// let stacks = profiler.profile().export("collapsed".parse::<Format>()?);
/// assert!(stacks.starts_with("parse "));
///
/// let error = "svg".parse::<Format>().unwrap_err().to_string();
/// assert!(error.contains("json, chrome-trace, speedscope, collapsed, html"));
/// # Ok::<(), mtaio_monitoring::MonitoringError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Everything that the profile holds, to be read back by [`Profile::from_json`].
    Json,
    /// For Perfetto and about:tracing: one track a task.
    ChromeTrace,
    /// For <https://www.speedscope.app>: the merged stacks, and one profile a task.
    Speedscope,
    /// One line a stack, `a;b;c nanoseconds`: what flame graph tools read.
    Collapsed,
    /// One page that a browser opens from disk.
    Html,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Json, Self::ChromeTrace, Self::Speedscope, Self::Collapsed, Self::Html];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::ChromeTrace => "chrome-trace",
            Self::Speedscope => "speedscope",
            Self::Collapsed => "collapsed",
            Self::Html => "html",
        }
    }

    /// The format that the ending of a file's name tells; `None` where it tells none.
    ///
    /// ```
    /// use mtaio_monitoring::export::Format;
    ///
    /// assert_eq!(Format::of_path("run.json"), Some(Format::Json));
    /// assert_eq!(Format::of_path("run.speedscope.json"), Some(Format::Speedscope));
    /// assert_eq!(Format::of_path("run.trace.json"), Some(Format::ChromeTrace));
    /// assert_eq!(Format::of_path("run.folded"), Some(Format::Collapsed));
    /// assert_eq!(Format::of_path("run"), None);
    /// ```
    #[must_use]
    pub fn of_path(path: impl AsRef<Path>) -> Option<Self> {
        let name = path.as_ref().file_name()?.to_string_lossy().to_lowercase();
        let endings = [
            (".speedscope.json", Self::Speedscope),
            (".speedscope", Self::Speedscope),
            (".chrome-trace.json", Self::ChromeTrace),
            (".trace.json", Self::ChromeTrace),
            (".chrome-trace", Self::ChromeTrace),
            (".json", Self::Json),
            (".collapsed", Self::Collapsed),
            (".folded", Self::Collapsed),
            (".html", Self::Html),
            (".htm", Self::Html),
        ];
        endings.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| *format)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = MonitoringError;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let near = names.iter().find(|name| strsim::jaro_winkler(name, text) > 0.8);
            let hint = near.map_or_else(String::new, |name| format!("; did you mean {name}?"));
            MonitoringError::Profile(format!("format must be one of {}, got {text:?}{hint}", names.join(", ")))
        })
    }
}

impl Profile {
    /// The profile in a format, as text.
    #[must_use]
    pub fn export(&self, format: Format) -> String {
        match format {
            Format::Json => json::write(self),
            Format::ChromeTrace => chrome_trace::write(self),
            Format::Speedscope => speedscope::write(self),
            Format::Collapsed => collapsed::write(self),
            Format::Html => html::write(self),
        }
    }
}
