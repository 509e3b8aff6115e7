//! Finished traces: the newest ones whole, all of them in sums.
//!
//! They lie in batches that never change once they are full, so a snapshot takes hold of them instead of copying them,
//! and whoever ends a trace meanwhile does not wait for the copy of a million.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::clock::FastClock;
use crate::metrics::Sketch;

use super::extra::{Extra, Extras};
use super::names::NameId;
use super::record::Record;

/// Records of a full batch, at most.
const BATCH: usize = 1_024;

/// Some finished traces, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    /// What [`Record::extra`] says the place of, from 1.
    pub(super) extras: Vec<Extra>,
}

/// What is known of all traces of one name that were let go: exact but for the quantiles.
#[derive(Debug, Default)]
pub(super) struct LetGo {
    pub(super) count: u64,
    pub(super) total_ns: u128,
    pub(super) min_ns: u64,
    pub(super) max_ns: u64,
    pub(super) run_ns: u128,
    /// How many of them had a run time, and the duration of those.
    pub(super) run_count: u64,
    pub(super) run_duration_ns: u128,
    pub(super) memory_kib: i64,
    pub(super) errors: u64,
    /// Of the durations in seconds.
    pub(super) sketch: Sketch,
}

impl LetGo {
    fn add(&mut self, record: &Record, clock: &FastClock) {
        let duration_ns = clock.nanoseconds(record.duration());
        self.min_ns = if self.count == 0 { duration_ns } else { self.min_ns.min(duration_ns) };
        self.max_ns = self.max_ns.max(duration_ns);
        self.count += 1;
        self.total_ns += u128::from(duration_ns);
        if let Some(run) = record.run() {
            self.run_ns += u128::from(clock.nanoseconds(run));
            self.run_count += 1;
            self.run_duration_ns += u128::from(duration_ns);
        }
        self.memory_kib += record.memory_delta_kib();
        self.errors += u64::from(record.status == super::Status::Error);
        self.sketch.record_as_sole_writer(duration_ns as f64 / 1e9);
    }
}

/// Everything that has ended since the last reset.
#[derive(Debug)]
pub(super) struct Finished {
    capacity: usize,
    batch: usize,
    full: VecDeque<Arc<Batch>>,
    /// Records of the oldest batch that were let go.
    gone: usize,
    filling: Batch,
    held: usize,
    /// By name.
    let_go: Vec<Option<Box<LetGo>>>,
    let_go_count: u64,
    clock: FastClock,
    /// First beginning and last end, in ticks.
    span: Option<(u64, u64)>,
    /// Batches that nobody needs any more. Whoever holds the lock drops them after letting go of it: an attachment may
    /// run foreign code when it is dropped.
    pub(super) spent: Vec<Arc<Batch>>,
}

/// The finished traces of one moment.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) batches: Vec<Arc<Batch>>,
    /// Records of the first batch that do not belong to it any more.
    pub(super) gone: usize,
    pub(super) span: Option<(u64, u64)>,
    pub(super) let_go_count: u64,
}

impl Finished {
    pub(super) fn new(capacity: usize, clock: &FastClock) -> Self {
        let capacity = capacity.max(1);
        Self {
            capacity,
            batch: BATCH.min(capacity),
            full: VecDeque::new(),
            gone: 0,
            filling: Batch::default(),
            held: 0,
            let_go: Vec::new(),
            let_go_count: 0,
            clock: clock.clone(),
            span: None,
            spent: Vec::new(),
        }
    }

    /// Takes a record; the oldest one goes into the sums where there is no more room.
    pub(super) fn absorb(&mut self, mut record: Record, extras: &Extras) {
        let (first, last) = self.span.unwrap_or((record.start, record.end));
        self.span = Some((first.min(record.start), last.max(record.end)));
        if record.extra != 0 {
            record.extra = match extras.take(record.extra) {
                Some(extra) => {
                    self.filling.extras.push(extra);
                    self.filling.extras.len() as u32
                }
                None => 0,
            };
        }
        if self.filling.records.capacity() == 0 {
            self.filling.records.reserve_exact(self.batch);
        }
        self.filling.records.push(record);
        self.held += 1;
        if self.filling.records.len() == self.batch {
            self.full.push_back(Arc::new(std::mem::take(&mut self.filling)));
        }
        if self.held > self.capacity {
            self.let_go_of_the_oldest();
        }
    }

    fn let_go_of_the_oldest(&mut self) {
        let Some(oldest) = self.full.front() else { return };
        let record = oldest.records[self.gone];
        let name = record.name.0 as usize;
        if self.let_go.len() <= name {
            self.let_go.resize_with(name + 1, || None);
        }
        self.let_go[name].get_or_insert_default().add(&record, &self.clock);
        self.let_go_count += 1;
        self.held -= 1;
        self.gone += 1;
        if self.gone == oldest.records.len() {
            self.gone = 0;
            self.spent.extend(self.full.pop_front());
        }
    }

    /// What is held now.
    pub(super) fn held(&self) -> Held {
        let mut batches: Vec<Arc<Batch>> = self.full.iter().cloned().collect();
        batches.push(Arc::new(self.filling.clone()));
        Held { batches, gone: self.gone, span: self.span, let_go_count: self.let_go_count }
    }

    /// The sums of what was let go, by name.
    pub(super) fn let_go(&self) -> impl Iterator<Item = (NameId, &LetGo)> {
        self.let_go.iter().enumerate().filter_map(|(name, sum)| Some((NameId(name as u32), sum.as_deref()?)))
    }
}

impl Held {
    /// Every record, with its extra, in the order in which they ended.
    pub(super) fn records(&self) -> impl Iterator<Item = (&Record, Option<&Extra>)> {
        self.batches
            .iter()
            .flat_map(|batch| {
                batch.records.iter().map(move |record| {
                    let place = (record.extra as usize).checked_sub(1);
                    (record, place.and_then(|place| batch.extras.get(place)))
                })
            })
            .skip(self.gone)
    }
}
