//! Finished traces: the newest ones whole, all of them in sums.

use std::collections::{BTreeMap, VecDeque};

use crate::clock::FastClock;
use crate::metrics::Sketch;

use super::names::NameId;
use super::record::Record;

/// What is known of all traces of one name that were let go: exact but for the quantiles.
#[derive(Debug, Default)]
pub(super) struct LetGo {
    pub(super) count: u64,
    pub(super) total_ns: u128,
    pub(super) min_ns: u64,
    pub(super) max_ns: u64,
    /// Of the durations in seconds.
    pub(super) sketch: Sketch,
}

impl LetGo {
    fn add(&mut self, duration_ns: u64) {
        self.min_ns = if self.count == 0 { duration_ns } else { self.min_ns.min(duration_ns) };
        self.max_ns = self.max_ns.max(duration_ns);
        self.count += 1;
        self.total_ns += u128::from(duration_ns);
        self.sketch.record(duration_ns as f64 / 1e9);
    }
}

/// Everything that has ended since the last reset.
#[derive(Debug)]
pub(super) struct Finished {
    capacity: usize,
    records: VecDeque<Record>,
    let_go: BTreeMap<NameId, LetGo>,
    let_go_count: u64,
    clock: FastClock,
    /// First beginning and last end, in ticks.
    span: Option<(u64, u64)>,
}

impl Finished {
    pub(super) fn new(capacity: usize, clock: &FastClock) -> Self {
        Self {
            capacity: capacity.max(1),
            records: VecDeque::new(),
            let_go: BTreeMap::new(),
            let_go_count: 0,
            clock: clock.clone(),
            span: None,
        }
    }

    /// Takes a batch; the oldest ones go into the sums where there is no more room.
    pub(super) fn absorb(&mut self, batch: &mut Vec<Record>) {
        for record in batch.drain(..) {
            let (first, last) = self.span.unwrap_or((record.start, record.end));
            self.span = Some((first.min(record.start), last.max(record.end)));
            if self.records.len() == self.capacity
                && let Some(oldest) = self.records.pop_front()
            {
                self.let_go_count += 1;
                let duration_ns = self.clock.nanoseconds(oldest.duration());
                self.let_go.entry(oldest.name).or_default().add(duration_ns);
            }
            self.records.push_back(record);
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    pub(super) fn let_go(&self) -> &BTreeMap<NameId, LetGo> {
        &self.let_go
    }

    pub(super) fn let_go_count(&self) -> u64 {
        self.let_go_count
    }

    /// First beginning and last end, in ticks, of everything since the last reset.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        self.span
    }
}
