//! The two things that hold a trace open: a guard and a future.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
#[cfg(feature = "tokio")]
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::extra::{Extra, Metadata, Plain};
use super::local::{self, Held, Local};
use super::names::NameId;
use super::record::Status;
use super::recorder::{Ending, Open, Recorder};

/// A trace that ends when this is dropped. See [`super::Profiler::enter`].
///
/// Two words, so that it is made and moved in registers: whatever else it needs, its slot knows or its thread.
pub struct Entered<'a> {
    recorder: Option<&'a Recorder>,
    held: Held,
    /// Its place is on the stack of one thread, and in that thread's shard.
    _not_send: PhantomData<*const ()>,
}

impl fmt::Debug for Entered<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Entered").field(&self.trace_id()).finish()
    }
}

impl<'a> Entered<'a> {
    /// Inlined, so that a disabled profiler costs a branch and no call.
    #[inline]
    pub(super) fn begin(recorder: Option<&'a Recorder>, name: &str) -> Self {
        let nothing = Self { recorder: None, held: Held::default(), _not_send: PhantomData };
        match recorder {
            Some(recorder) => match local::enter(recorder, name) {
                Some(held) => Self { recorder: Some(recorder), held, ..nothing },
                None => nothing,
            },
            None => nothing,
        }
    }

    /// The trace's id; `None` where nothing is recorded.
    #[must_use]
    pub fn trace_id(&self) -> Option<u64> {
        Some(local::of(self.recorder?)?.open(self.held).id)
    }

    /// Attaches a name and a value to the trace.
    ///
    /// ```
    /// let profiler = mtaio_monitoring::Profiler::new();
    /// let mut query = profiler.enter("query");
    /// query.record("rows", 42);
    /// drop(query);
    /// assert_eq!(profiler.profile().traces().next().unwrap().metadata()["rows"], 42);
    /// ```
    pub fn record(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        let value = value.into();
        self.carry(|extra| {
            let mut plain = match extra.attachment.take() {
                Some(attachment) => attachment.as_any().downcast_ref::<Plain>().cloned().unwrap_or_default(),
                None => Plain::default(),
            };
            plain.metadata.insert(name.to_owned(), value);
            extra.attachment = Some(Arc::new(plain));
        });
    }

    /// Ends the trace with an error.
    pub fn fail(mut self, error: &dyn fmt::Display) {
        let error = error.to_string();
        self.carry(|extra| extra.error = Some(error.into()));
    }

    fn carry(&mut self, change: impl FnOnce(&mut Extra)) {
        if let Some(local) = self.recorder.and_then(local::of) {
            self.held = local.carry(self.held, change);
        }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(recorder) = self.recorder {
            local::leave(recorder, self.held);
        }
    }
}

pin_project! {
    /// A future whose run is a trace. See [`super::Profiler::trace`].
    pub struct Traced<F>
    where
        F: Future,
    {
        // Emptied before the trace ends, so that what the future does while it is dropped is part of it.
        #[pin]
        future: Option<F>,
        state: State,
        run_ticks: u64,
        steps: u32,
        metadata: Option<Box<Metadata>>,
        judge: Option<fn(&F::Output) -> Option<Box<str>>>,
    }

    impl<F> PinnedDrop for Traced<F>
    where
        F: Future,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let State::Open(run) = std::mem::replace(this.state, State::Untraced) else { return };
            {
                let _inside = Innermost::new(&run);
                this.future.set(None);
            }
            let status = if std::thread::panicking() { Status::Error } else { Status::Cancelled };
            run.end(status, None, this.metadata.take(), *this.run_ticks, *this.steps);
        }
    }
}

impl<F: Future> fmt::Debug for Traced<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Traced").field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum State {
    /// The profiler is disabled, or the trace has ended.
    Untraced,
    New {
        recorder: Arc<Recorder>,
        name: NameId,
        parent: u64,
        /// A task of its own; 0 for none.
        task: u32,
    },
    Open(Run),
}

/// A trace that is open, and belongs to no thread.
#[derive(Debug)]
struct Run {
    recorder: Arc<Recorder>,
    open: Open,
    /// The task that it is; 0 for none.
    own_task: u32,
    /// The task that runs it.
    task: u32,
}

impl Run {
    fn end(self, status: Status, error: Option<Box<str>>, metadata: Option<Box<Metadata>>, run: u64, steps: u32) {
        let plain = |metadata: Box<Metadata>| Arc::new(Plain { metadata: *metadata, stack_trace: None }) as Arc<_>;
        let extra = Extra { error, attachment: metadata.map(plain) };
        let ending = Ending { status, run_ticks: Some(run), extra };
        self.recorder.end(self.open, self.recorder.ticks(), ending);
        if self.own_task != 0 {
            self.recorder.end_task(self.own_task, status, run, steps);
        }
    }
}

impl<F: Future> Traced<F> {
    pub(super) fn new(recorder: Option<&Arc<Recorder>>, name: &str, future: F) -> Self {
        let state = recorder.map_or(State::Untraced, |recorder| {
            let parent = local::of(recorder).map_or(0, |local| local.place(recorder).0);
            State::New { recorder: Arc::clone(recorder), name: recorder.names.intern(name), parent, task: 0 }
        });
        Self { future: Some(future), state, run_ticks: 0, steps: 0, metadata: None, judge: None }
    }

    /// Makes it a task of its own, which a profile shows with its steps.
    #[cfg(feature = "tokio")]
    pub(super) fn into_task(mut self, task_name: &str, created_at: &'static Location<'static>) -> Self {
        if let State::New { recorder, parent, task, .. } = &mut self.state {
            let place = format!("{}:{}", created_at.file(), created_at.line());
            *task = recorder.begin_task(*parent, task_name, std::any::type_name::<F>(), Some(&place));
        }
        self
    }

    /// Attaches a name and a value to the trace.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let profiler = mtaio_monitoring::Profiler::new();
    /// profiler.trace("query", async {}).with("table", "users").await;
    /// assert_eq!(profiler.profile().traces().next().unwrap().metadata()["table"], "users");
    /// # }
    /// ```
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        if !matches!(self.state, State::Untraced) {
            self.metadata.get_or_insert_default().insert(name.to_owned(), value.into());
        }
        self
    }
}

impl<T, E: fmt::Display, F: Future<Output = std::result::Result<T, E>>> Traced<F> {
    /// An `Err` makes the trace one that failed, with the error's text.
    #[must_use]
    pub fn with_errors(mut self) -> Self {
        self.judge = Some(|output| output.as_ref().err().map(|error| error.to_string().into()));
        self
    }
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        this.state.begin();
        let State::Open(run) = &*this.state else { return future.poll(context) };
        let polled = {
            let _inside = Innermost::new(run);
            let started = run.recorder.ticks();
            let polled = future.poll(context);
            *this.run_ticks += run.recorder.ticks().saturating_sub(started);
            *this.steps += 1;
            polled
        };
        if let Poll::Ready(output) = &polled
            && let State::Open(run) = std::mem::replace(this.state, State::Untraced)
        {
            let error = this.judge.and_then(|judge| judge(output));
            let status = if error.is_some() { Status::Error } else { Status::Ok };
            run.end(status, error, this.metadata.take(), *this.run_ticks, *this.steps);
        }
        polled
    }
}

impl State {
    /// Opens the trace at the first poll.
    fn begin(&mut self) {
        let Self::New { recorder, name, parent, task: own_task } = self else { return };
        let begun = local::of(recorder).and_then(|local| {
            // Made outside of any trace, it belongs to the one that awaits it.
            let (parent, outer_task) =
                if *parent == 0 { local.place(recorder) } else { (*parent, local.task.get()) };
            let task = if *own_task == 0 { local.task.get() } else { *own_task };
            // The task of another profiler is that of this thread, now: what is below may be polled elsewhere.
            let began_in = if task == 0 { outer_task } else { task };
            let open = local.begin(recorder, *name, parent, began_in, recorder.ticks())?;
            Some(Run { recorder: Arc::clone(recorder), open, own_task: *own_task, task })
        });
        *self = begun.map_or(Self::Untraced, Self::Open);
    }
}

/// A trace that goes on where the future has ended which it began with: a response's, until its body has.
///
/// Whoever holds it says when it works for it, and when it ends; dropped, it was cancelled.
#[cfg(feature = "tower")]
#[derive(Debug)]
pub(crate) struct Piecewise {
    run: Option<Run>,
    run_ticks: u64,
    steps: u32,
    metadata: Option<Box<Metadata>>,
}

#[cfg(feature = "tower")]
impl Piecewise {
    /// Begins it here and now; nothing where the profiler is disabled.
    pub(crate) fn begin(recorder: Option<&Arc<Recorder>>, name: &str) -> Self {
        let mut state = recorder.map_or(State::Untraced, |recorder| State::New {
            recorder: Arc::clone(recorder),
            name: recorder.names.intern(name),
            parent: 0,
            task: 0,
        });
        state.begin();
        let run = if let State::Open(run) = state { Some(run) } else { None };
        Self { run, run_ticks: 0, steps: 0, metadata: None }
    }

    /// Whether it is open: else what it would carry need not be made.
    pub(crate) fn is_open(&self) -> bool {
        self.run.is_some()
    }

    /// Attaches a name and a value.
    pub(crate) fn record(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        if self.is_open() {
            self.metadata.get_or_insert_default().insert(name.to_owned(), value.into());
        }
    }

    /// Does a part of its work: what begins in it is below it.
    pub(crate) fn work<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let Some(run) = &self.run else { return work() };
        let _inside = Innermost::new(run);
        let started = run.recorder.ticks();
        let done = work();
        self.run_ticks += run.recorder.ticks().saturating_sub(started);
        self.steps += 1;
        done
    }

    /// Ends it, once.
    pub(crate) fn end(&mut self, status: Status, error: Option<Box<str>>) {
        if let Some(run) = self.run.take() {
            run.end(status, error, self.metadata.take(), self.run_ticks, self.steps);
        }
    }
}

#[cfg(feature = "tower")]
impl Drop for Piecewise {
    fn drop(&mut self) {
        self.end(Status::Cancelled, None);
    }
}

/// A trace is innermost on this thread while this lives, also if a poll panics.
struct Innermost {
    local: Option<Rc<Local>>,
    outer: u64,
    outer_task: u32,
}

impl Innermost {
    fn new(run: &Run) -> Self {
        let local = local::of(&run.recorder);
        let (outer, outer_task) = local.as_ref().map_or((0, 0), |local| {
            let outer_task = if run.task == 0 { local.task.get() } else { local.task.replace(run.task) };
            (local.current.replace(run.open.id), outer_task)
        });
        Self { local, outer, outer_task }
    }
}

impl Drop for Innermost {
    fn drop(&mut self) {
        if let Some(local) = &self.local {
            local.current.set(self.outer);
            local.task.set(self.outer_task);
        }
    }
}
