//! Finished traces: the newest ones whole, all of them in sums.
//!
//! They lie in batches that never change once they are full, so a snapshot takes hold of them instead of copying them,
//! and whoever ends a trace meanwhile does not wait for the copy of a million.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::clock::FastClock;
use crate::metrics::Tally;

use super::extra::{Extra, Extras};
use super::names::NameId;
use super::record::{Record, WORDS, Words, extra_of, with_extra};
use super::ring::Ring;

/// Records of a full batch, at most.
const BATCH: usize = 1_024;

/// So many that the length of one is known to twelve digits.
const MANY_TICKS: u64 = 1 << 42;

/// Some finished traces, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Words>,
    /// What [`Record::extra`] says the place of, from 1.
    pub(super) extras: Vec<Extra>,
}

/// What is known of all traces of one name that were let go: exact but for the quantiles. Times are ticks.
#[derive(Debug)]
pub(super) struct LetGo {
    pub(super) count: u64,
    pub(super) total: u128,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) run: u128,
    /// How many of them had a run time, and the duration of those.
    pub(super) run_count: u64,
    pub(super) run_duration: u128,
    pub(super) memory_kib: i64,
    pub(super) errors: u64,
    /// In seconds.
    pub(super) durations: Tally,
}

impl Default for LetGo {
    fn default() -> Self {
        Self {
            count: 0,
            total: 0,
            min: u64::MAX,
            max: 0,
            run: 0,
            run_count: 0,
            run_duration: 0,
            memory_kib: 0,
            errors: 0,
            durations: Tally::default(),
        }
    }
}

impl LetGo {
    /// In sums of its own first: what lies in memory is waited for by the next record.
    fn add(&mut self, records: &[Words], seconds_a_tick: f64) {
        let (mut min, mut max, mut total) = (self.min, self.max, 0);
        let (mut memory_kib, mut errors) = (0, 0);
        for words in records {
            let record = Record::from_words(words);
            let duration = record.duration();
            min = min.min(duration);
            max = max.max(duration);
            total += u128::from(duration);
            memory_kib += record.memory_delta_kib();
            errors += u64::from(record.status == super::Status::Error);
            if let Some(run) = record.run() {
                self.run += u128::from(run);
                self.run_count += 1;
                self.run_duration += u128::from(duration);
            }
            // Signed, which processors turn into a float in one step.
            self.durations.count(duration as i64 as f64 * seconds_a_tick);
        }
        self.count += records.len() as u64;
        self.min = min;
        self.max = max;
        self.total += total;
        self.memory_kib += memory_kib;
        self.errors += errors;
    }
}

/// Everything that has ended since the last reset.
#[derive(Debug)]
pub(super) struct Finished {
    capacity: usize,
    batch: usize,
    pub(super) full: VecDeque<Arc<Batch>>,
    /// Records of the oldest batch that were let go.
    gone: usize,
    pub(super) filling: Batch,
    pub(super) held: usize,
    /// By name.
    let_go: Vec<Option<Box<LetGo>>>,
    let_go_count: u64,
    seconds_a_tick: f64,
    /// First beginning and last end, in ticks.
    span: Option<(u64, u64)>,
    /// A batch's memory for the next one: new pages cost more than what is written into them.
    spare: Vec<Words>,
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
            seconds_a_tick: clock.nanoseconds(MANY_TICKS) as f64 / (MANY_TICKS as f64 * 1e9),
            span: None,
            spare: Vec::new(),
            spent: Vec::new(),
        }
    }

    /// Takes over what a thread has left in its ring, and shows the id of each. What there is no more room for goes into
    /// the sums, oldest first.
    pub(super) fn take_over<const CAPACITY: usize>(
        &mut self,
        ring: &Ring<WORDS, CAPACITY>,
        extras: &Extras,
        mut see: impl FnMut(u64),
    ) {
        let (mut first, mut last) = self.span.unwrap_or((u64::MAX, 0));
        ring.drain(|mut words| {
            let record = Record::from_words(&words);
            first = first.min(record.start);
            last = last.max(record.end);
            see(record.id);
            if record.extra != 0 {
                words[WORDS - 1] = self.take_extra(words[WORDS - 1], extras);
            }
            self.filling.records.push(words);
            self.held += 1;
            if self.filling.records.len() == self.batch {
                self.seal();
            }
        });
        if first <= last {
            self.span = Some((first, last));
        }
        self.let_go_of_the_oldest();
    }

    /// Takes what a trace carries into the batch, and gives the word that says so. The word alone comes and goes, so that
    /// records stay in registers on their way.
    #[cold]
    fn take_extra(&mut self, word: u64, extras: &Extras) -> u64 {
        let place = match extras.take(extra_of(word)) {
            Some(extra) => {
                self.filling.extras.push(extra);
                self.filling.extras.len() as u32
            }
            None => 0,
        };
        with_extra(word, place)
    }

    /// A batch is full.
    fn seal(&mut self) {
        let mut records = std::mem::take(&mut self.spare);
        records.reserve_exact(self.batch);
        let next = Batch { records, extras: Vec::new() };
        self.full.push_back(Arc::new(std::mem::replace(&mut self.filling, next)));
    }

    fn let_go_of_the_oldest(&mut self) {
        while self.held > self.capacity {
            let Some(oldest) = self.full.front() else { return };
            let surplus = self.held - self.capacity;
            let records = &oldest.records[self.gone..];
            let records = &records[..records.len().min(surplus)];
            for of_a_name in records.chunk_by(|one, next| name_of(one) == name_of(next)) {
                let name = name_of(&of_a_name[0]);
                if self.let_go.len() <= name {
                    self.let_go.resize_with(name + 1, || None);
                }
                self.let_go[name].get_or_insert_default().add(of_a_name, self.seconds_a_tick);
            }
            let count = records.len();
            self.let_go_count += count as u64;
            self.held -= count;
            self.gone += count;
            if self.gone == oldest.records.len() {
                self.gone = 0;
                self.spend_the_oldest();
            }
        }
    }

    fn spend_the_oldest(&mut self) {
        let Some(mut oldest) = self.full.pop_front() else { return };
        match Arc::get_mut(&mut oldest) {
            Some(batch) if batch.extras.is_empty() && self.spare.capacity() == 0 => {
                self.spare = std::mem::take(&mut batch.records);
                self.spare.clear();
            }
            _ => self.spent.push(oldest),
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

#[inline]
fn name_of(words: &Words) -> usize {
    Record::from_words(words).name.0 as usize
}

impl Held {
    /// Every record, with its extra, in the order in which they ended.
    pub(super) fn records(&self) -> impl Iterator<Item = (Record, Option<&Extra>)> {
        self.batches
            .iter()
            .flat_map(|batch| {
                batch.records.iter().map(move |words| {
                    let record = Record::from_words(words);
                    let place = (record.extra as usize).checked_sub(1);
                    (record, place.and_then(|place| batch.extras.get(place)))
                })
            })
            .skip(self.gone)
    }
}
