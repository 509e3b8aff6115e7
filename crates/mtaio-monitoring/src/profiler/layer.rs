//! Spans of `tracing` as traces, so that crates that are instrumented already need no change.

use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::extra::{Extra, Metadata, Plain};
use super::local;
use super::record::Status;
use super::recorder::{Ending, Open, Recorder};
use super::{Arc, Profiler};

/// The field that makes a span one that failed.
const ERROR: &str = "error";

/// A layer of `tracing-subscriber` that makes each span a trace: from its creation until it is closed, with its fields as
/// metadata, and with the time in which it was entered as its run time.
///
/// A span failed if a field `error` was recorded in it, or an event of level ERROR that has one. Traces of
/// [`Profiler::enter`] and [`Profiler::trace`] that begin in an entered span are its children, and the other way round.
///
/// ```
/// use mtaio_monitoring::Profiler;
/// use mtaio_monitoring::profiler::TracingLayer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let profiler = Profiler::new();
/// let subscriber = tracing_subscriber::registry().with(TracingLayer::new(&profiler));
/// tracing::subscriber::with_default(subscriber, || {
///     let _request = tracing::info_span!("request", path = "/").entered();
///     let _query = profiler.enter("query");
/// });
/// let profile = profiler.profile();
/// let traces: Vec<_> = profile.traces().collect();
/// assert_eq!(traces[0].metadata()["path"], "/");
/// assert_eq!(traces[1].parent_id(), Some(traces[0].trace_id()));
/// ```
#[derive(Clone, Debug)]
pub struct TracingLayer {
    profiler: Profiler,
}

impl TracingLayer {
    /// A layer that records into `profiler`.
    #[must_use]
    pub fn new(profiler: &Profiler) -> Self {
        Self { profiler: profiler.clone() }
    }
}

/// The traces of a span: one for each such layer.
#[derive(Debug, Default)]
struct SpanTraces(Vec<SpanTrace>);

#[derive(Debug)]
struct SpanTrace {
    recorder: u64,
    open: Open,
    carried: Carried,
    /// Ticks in which it was entered, and is no longer.
    run: u64,
    entered: Vec<Entry>,
}

/// A thread is inside.
#[derive(Clone, Copy, Debug)]
struct Entry {
    thread: u32,
    since: u64,
    /// The trace that was innermost before.
    outer: u64,
}

impl SpanTraces {
    fn of(&mut self, recorder: &Recorder) -> Option<&mut SpanTrace> {
        self.0.iter_mut().find(|trace| trace.recorder == recorder.id)
    }
}

/// Does something with the trace of a span.
fn with_trace<'a, S, T>(
    span: Option<SpanRef<'a, S>>,
    recorder: &Recorder,
    act: impl FnOnce(&mut SpanTrace) -> T,
) -> Option<T>
where
    S: Subscriber + LookupSpan<'a>,
{
    let span = span?;
    let mut extensions = span.extensions_mut();
    extensions.get_mut::<SpanTraces>()?.of(recorder).map(act)
}

impl<S> Layer<S> for TracingLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some(recorder), Some(span)) = (self.profiler.recorder(), context.span(id)) else { return };
        let Some(local) = local::of(recorder) else { return };
        // The innermost one of this flow may be a trace that `tracing` does not know of.
        let innermost = if attributes.is_contextual() { local.current.get() } else { 0 };
        let parent = match innermost {
            0 => with_trace(span.parent(), recorder, |parent| parent.open.id).unwrap_or(0),
            innermost => innermost,
        };
        let (parent, task) = match parent {
            0 if attributes.is_contextual() => recorder.around.place(local.task.get()),
            parent => (parent, local.task.get()),
        };
        let name = local.name(recorder, attributes.metadata().name());
        let Some(open) = local.begin(recorder, name, parent, task, recorder.ticks()) else { return };
        let mut carried = Carried::default();
        attributes.record(&mut carried);
        let trace = SpanTrace { recorder: recorder.id, open, carried, run: 0, entered: Vec::new() };
        let mut extensions = span.extensions_mut();
        if let Some(traces) = extensions.get_mut::<SpanTraces>() {
            traces.0.push(trace);
        } else {
            extensions.insert(SpanTraces(vec![trace]));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(recorder) = self.profiler.recorder() else { return };
        with_trace(context.span(id), recorder, |trace| values.record(&mut trace.carried));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(recorder) = self.profiler.recorder() else { return };
        if *event.metadata().level() != Level::ERROR || event.metadata().fields().field(ERROR).is_none() {
            return;
        }
        let mut carried = Carried::default();
        event.record(&mut carried);
        with_trace(context.event_span(event), recorder, |trace| {
            trace.carried.error = carried.error.or(trace.carried.error.take());
        });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(recorder) = self.profiler.recorder() else { return };
        let Some(local) = local::of(recorder) else { return };
        with_trace(context.span(id), recorder, |trace| {
            let outer = local.current.replace(trace.open.id);
            trace.entered.push(Entry { thread: local.thread(), since: recorder.ticks(), outer });
        });
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(recorder) = self.profiler.recorder() else { return };
        let Some(local) = local::of(recorder) else { return };
        with_trace(context.span(id), recorder, |trace| {
            let here = |entry: &Entry| entry.thread == local.thread();
            let Some(last) = trace.entered.iter().rposition(here) else { return };
            let entry = trace.entered.remove(last);
            // Entered again inside itself, it runs but once.
            if !trace.entered.iter().any(here) {
                trace.run += recorder.ticks().saturating_sub(entry.since);
            }
            if local.current.get() == trace.open.id {
                local.current.set(entry.outer);
            }
        });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let (Some(recorder), Some(span)) = (self.profiler.recorder(), context.span(&id)) else { return };
        let trace = {
            let mut extensions = span.extensions_mut();
            let Some(SpanTraces(traces)) = extensions.get_mut::<SpanTraces>() else { return };
            let Some(place) = traces.iter().position(|trace| trace.recorder == recorder.id) else { return };
            traces.remove(place)
        };
        let SpanTrace { open, carried, run, .. } = trace;
        let status = if carried.error.is_some() { Status::Error } else { Status::Ok };
        let ending = Ending { status, run_ticks: Some(run), extra: carried.into_extra() };
        recorder.end(open, recorder.ticks(), ending);
    }
}

/// What a span's fields say.
#[derive(Debug, Default)]
struct Carried {
    metadata: Metadata,
    error: Option<Box<str>>,
}

impl Carried {
    fn insert(&mut self, field: &Field, value: Value) {
        if field.name() == ERROR {
            self.error = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned).into());
        } else {
            self.metadata.insert(field.name().to_owned(), value);
        }
    }

    fn into_extra(self) -> Extra {
        let Self { metadata, error } = self;
        let attachment = match metadata.is_empty() {
            true => None,
            false => Some(Arc::new(Plain { metadata, stack_trace: None }) as Arc<_>),
        };

        Extra { error, attachment }
    }
}

impl Visit for Carried {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.insert(field, value.to_string().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}").into());
    }
}
