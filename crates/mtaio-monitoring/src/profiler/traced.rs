//! The two things that hold a trace open: a guard and a future.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::local;
use super::names::NameId;
use super::record::Status;
use super::recorder::{Recorder, Shard, Slot};

/// A trace that ends when this is dropped. See [`super::Profiler::enter`].
#[derive(Debug)]
pub struct Entered<'a> {
    open: Option<(&'a Recorder, Slot)>,
    /// The trace that was innermost before.
    outer: u64,
    /// Its place is on the stack of one thread, and in that thread's shard.
    _not_send: PhantomData<*const ()>,
}

pin_project! {
    /// A future whose run is a trace. See [`super::Profiler::trace`].
    #[derive(Debug)]
    pub struct Traced<F> {
        // Emptied before the trace ends, so that what the future does while it is dropped is part of it.
        #[pin]
        future: Option<F>,
        state: State,
        run_ticks: u64,
    }

    impl<F> PinnedDrop for Traced<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let State::Open(open) = std::mem::replace(this.state, State::Untraced) else { return };
            {
                let _inside = Inside::new(&open.recorder, open.slot.id);
                this.future.set(None);
            }
            let status = if std::thread::panicking() { Status::Error } else { Status::Cancelled };
            open.end(status, Some(*this.run_ticks));
        }
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
    },
    Open(Open),
}

#[derive(Debug)]
struct Open {
    recorder: Arc<Recorder>,
    shard: Arc<Shard>,
    slot: Slot,
}

impl Open {
    fn end(self, status: Status, run_ticks: Option<u64>) {
        self.recorder.end(&self.shard, self.slot, status, run_ticks);
    }
}

impl<'a> Entered<'a> {
    pub(super) fn begin(recorder: Option<&'a Recorder>, name: &str) -> Self {
        let begun = recorder.and_then(|recorder| {
            local::with(recorder, |local| {
                let name = local.name(recorder, name);
                let outer = local.current;
                let slot = recorder.begin(&local.shard, name, outer);
                local.current = slot.id;
                ((recorder, slot), outer)
            })
        });
        let (open, outer) = begun.map_or((None, 0), |(open, outer)| (Some(open), outer));
        Self { open, outer, _not_send: PhantomData }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let Some((recorder, slot)) = self.open.take() else { return };
        let status = if std::thread::panicking() { Status::Error } else { Status::Ok };
        let _torn_down = local::with(recorder, |local| {
            // Guards may be dropped out of order; then another trace is innermost, and stays so.
            if local.current == slot.id {
                local.current = self.outer;
            }
            recorder.end(&local.shard, slot, status, None);
        });
    }
}

impl<F: Future> Traced<F> {
    pub(super) fn new(recorder: Option<&Arc<Recorder>>, name: &str, future: F) -> Self {
        let state = recorder.map_or(State::Untraced, |recorder| {
            let parent = local::with(recorder, |local| local.current).unwrap_or(0);
            State::New { recorder: Arc::clone(recorder), name: recorder.names.intern(name), parent }
        });
        Self { future: Some(future), state, run_ticks: 0 }
    }
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
        this.state.begin();
        let State::Open(open) = &*this.state else { return future.poll(context) };
        let polled = {
            let _inside = Inside::new(&open.recorder, open.slot.id);
            let started = open.recorder.clock.ticks();
            let polled = future.poll(context);
            *this.run_ticks += open.recorder.clock.ticks().saturating_sub(started);
            polled
        };
        if polled.is_ready()
            && let State::Open(open) = std::mem::replace(this.state, State::Untraced)
        {
            open.end(Status::Ok, Some(*this.run_ticks));
        }
        polled
    }
}

impl State {
    /// Opens the trace at the first poll.
    fn begin(&mut self) {
        let Self::New { recorder, name, parent } = self else { return };
        let begun = local::with(recorder, |local| {
            // Made outside of any trace, it belongs to the one that awaits it.
            let parent = if *parent == 0 { local.current } else { *parent };
            let slot = recorder.begin(&local.shard, *name, parent);
            Open { recorder: Arc::clone(recorder), shard: Arc::clone(&local.shard), slot }
        });
        *self = begun.map_or(Self::Untraced, Self::Open);
    }
}

/// A trace is innermost on this thread while this lives, also if a poll panics.
struct Inside<'a> {
    recorder: &'a Recorder,
    outer: u64,
}

impl<'a> Inside<'a> {
    fn new(recorder: &'a Recorder, id: u64) -> Self {
        let outer = local::with(recorder, |local| std::mem::replace(&mut local.current, id)).unwrap_or(0);
        Self { recorder, outer }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let outer = self.outer;
        let _torn_down = local::with(self.recorder, |local| local.current = outer);
    }
}
