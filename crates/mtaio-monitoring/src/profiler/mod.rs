//! Exact traces of operations, under any concurrency.
//!
//! The well-known profilers keep one stack for all tasks, and so give a task the parent of whatever ran before it. Here
//! the parent belongs to the *flow*: a guard puts its trace in place on its thread and takes it away again, and a traced
//! future does so around each poll, so that two futures that take turns on a thread never see each other's.

mod atomic;
#[doc(hidden)]
pub mod attribute;
mod diff;
mod extra;
mod finished;
mod joined;
#[cfg(feature = "tracing-layer")]
mod layer;
mod local;
mod memory;
mod metrics;
mod names;
mod outer;
mod profile;
mod record;
mod recorder;
mod ring;
mod slots;
mod slowest;
mod tasks;
mod traced;

use std::sync::{Arc, OnceLock};

use crate::clock::Clock;
use crate::error::{MonitoringError, Result};

pub use diff::{DiffRow, ProfileDiff};
pub use extra::{Attachment, Extra, Metadata};
pub use joined::{Joints, Part, Scale};
#[cfg(feature = "tracing-layer")]
pub use layer::TracingLayer;
pub use metrics::ProfileMetrics;
pub use names::NameId;
pub use outer::{Current, Outer};
pub use profile::{Profile, Task, Trace, Traces};
pub use record::Status;
pub use recorder::{Ending, Open, Recorder, ThreadInfo};
pub use slowest::{Slowest, TraceEvidence};
pub use traced::{Entered, Traced};

#[cfg(feature = "tower")]
pub(crate) use traced::Piecewise;
pub(crate) use {extra::Plain, metrics::Sum, profile::Data, record::Record, tasks::TaskRecord};

/// How many finished traces are held one by one, unless told otherwise.
pub const DEFAULT_MAX_TRACES: usize = 100_000;

/// The process's own profiler, once it is set.
static GLOBAL: OnceLock<Profiler> = OnceLock::new();

/// Records traces. Cloning gives another handle of the same profiler.
///
/// ```
/// use mtaio_monitoring::Profiler;
///
/// let profiler = Profiler::new();
/// {
///     let _request = profiler.enter("request");
///     let _query = profiler.enter("query");
/// }
/// let profile = profiler.profile();
/// assert_eq!(profile.metrics(Some("query")).call_count, 1);
/// let traces: Vec<_> = profile.traces().collect();
/// assert_eq!(traces[1].parent_id(), Some(traces[0].trace_id()));
/// ```
#[derive(Clone, Debug)]
pub struct Profiler {
    /// `None` where it is disabled.
    recorder: Option<Arc<Recorder>>,
}

impl Default for Profiler {
    fn default() -> Self {
        Self::new()
    }
}

impl Profiler {
    /// A profiler that holds the newest [`DEFAULT_MAX_TRACES`] traces, and counts all of them.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(DEFAULT_MAX_TRACES, &Clock::system())
    }

    /// A profiler that holds the newest `max_traces`.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for 0.
    pub fn with_max_traces(max_traces: usize) -> Result<Self> {
        if max_traces == 0 {
            return Err(MonitoringError::argument("max_traces", "a whole number of traces from 1", max_traces));
        }
        Ok(Self::with_clock(max_traces, &Clock::system()))
    }

    /// A profiler on a clock that tests move.
    #[must_use]
    pub fn with_clock(max_traces: usize, clock: &Clock) -> Self {
        Self { recorder: Some(Arc::new(Recorder::new(max_traces, clock, true))) }
    }

    /// A profiler that records nothing and costs a branch.
    #[must_use]
    pub const fn disabled() -> Self {
        Self { recorder: None }
    }

    /// The process's own profiler: what a bare [`#[trace]`](macro@crate::trace) records into. Disabled until
    /// [`Self::set_global`].
    #[must_use]
    pub fn global() -> &'static Self {
        static DISABLED: Profiler = Profiler::disabled();
        GLOBAL.get().unwrap_or(&DISABLED)
    }

    /// Sets the process's own profiler.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] where it is set already.
    ///
    /// ```
    /// use mtaio_monitoring::{Profiler, trace};
    ///
    /// #[trace]
    /// fn answer() -> u32 {
    ///     42
    /// }
    ///
    /// answer(); // recorded nowhere yet
    /// Profiler::set_global(Profiler::new())?;
    /// answer();
    /// assert_eq!(Profiler::global().profile().metrics(Some("answer")).call_count, 1);
    /// # Ok::<(), mtaio_monitoring::MonitoringError>(())
    /// ```
    pub fn set_global(profiler: Self) -> Result<()> {
        let set_already = |_| MonitoringError::argument("the process's profiler", "set once", "another one");
        GLOBAL.set(profiler).map_err(set_already)
    }

    /// Whether it records.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.recorder.is_some()
    }

    /// Begins a trace that ends when the guard is dropped: with an error if that is because of a panic.
    ///
    /// For code that does not await; a guard held across an `await` would lend its trace to whatever else runs on the
    /// thread meanwhile, so it cannot be sent between threads. For futures there is [`Self::trace`].
    #[inline]
    #[must_use = "the trace ends when the guard is dropped"]
    pub fn enter(&self, name: &str) -> Entered<'_> {
        Entered::begin(self.recorder.as_deref(), name)
    }

    /// Traces a future: the trace begins when it is first polled and ends when it is ready, or when it is dropped.
    ///
    /// Its parent is the trace in which this is called, also if the future is spawned as a task of its own; called
    /// outside of any, it is the trace that awaits the future.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let profiler = mtaio_monitoring::Profiler::new();
    /// let answer = profiler.trace("answer", async { 42 }).await;
    /// assert_eq!(answer, 42);
    /// assert_eq!(profiler.profile().traces().next().unwrap().status().name(), "ok");
    /// # }
    /// ```
    pub fn trace<F: Future>(&self, name: &str, future: F) -> Traced<F> {
        Traced::new(self.recorder.as_ref(), name, future)
    }

    /// Spawns a traced future as a task of the running tokio runtime. Its trace begins when it first runs; the profile
    /// shows the task, with its steps, among [`Profile::tasks`] if it was spawned inside a trace.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as [`tokio::spawn`] does.
    #[cfg(feature = "tokio")]
    #[track_caller]
    pub fn spawn<F>(&self, name: &str, future: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(self.trace(name, future).into_task(name, std::panic::Location::caller()))
    }

    /// What has been recorded until now. Later traces do not change it.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.recorder.as_ref().map(|recorder| recorder.profile()).unwrap_or_default()
    }

    /// What traces are written to; `None` where this is disabled. For faces in other languages.
    #[must_use]
    pub fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.recorder.as_ref()
    }

    /// Forgets everything. Traces that are open now are not counted when they end.
    pub fn reset(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.reset();
        }
    }
}
