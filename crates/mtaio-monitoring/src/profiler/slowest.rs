//! The slowest traces of now, for whoever must be quick: an alert is found on somebody's event loop.
//!
//! A profile looks at everything and takes its time. Here no more is looked at than can be in some tens of microseconds,
//! and where somebody holds the recorder's lock for a profile, nothing is.

use std::sync::Arc;
use std::time::Duration;

use super::finished::Finished;
use super::record::{OUTER, OUTER_TASK, Record, Status};
use super::recorder::{CHUNK, Recorder};

/// Finished traces that are looked at, the newest ones.
const NEWEST: usize = 1_024;

/// Places of open traces that are looked at.
const MOST_SLOTS: usize = 4_096;

/// Traces of each sort that are given.
const OF_A_SORT: usize = 5;

/// Longer names of traces and tasks are cut to this.
const MOST_TEXT_BYTES: usize = 256;

/// A trace that took long, or takes long.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceEvidence {
    /// Its name, as the program chose it, cut to 256 bytes: a face escapes it.
    pub name: Arc<str>,
    /// Seconds from its beginning to its end; of an open one, until it was looked at.
    pub duration_seconds: f64,
    /// How it ended; [`Status::Open`] where it has not.
    pub status: Status,
    /// When it began, in seconds since the epoch.
    pub start_time: f64,
    /// Unique in the process: the same that the profile shows.
    pub trace_id: u64,
    /// The innermost trace of the same flow that was open when it began.
    pub parent_id: Option<u64>,
    /// The task in which it began, where that is known; cut likewise.
    pub task_name: Option<String>,
}

/// The slowest open traces and the slowest of those that have ended lately, each slowest first.
pub type Slowest = (Vec<TraceEvidence>, Vec<TraceEvidence>);

impl Recorder {
    /// The five slowest of the open traces and of the newest thousand that have ended. Of the open ones 4,096 places are
    /// looked at, those in which the threads put their first ones. `None` where somebody else looks at the recorder.
    #[must_use]
    pub fn slowest(&self) -> Option<Slowest> {
        let shards = self.shards.try_lock_for(Duration::ZERO)?;
        let mut finished = self.finished.try_lock_for(Duration::ZERO)?;
        let now = self.clock.ticks();
        let chunks_each = (MOST_SLOTS / CHUNK / shards.len().max(1)).max(1);
        // Some more than are asked for: of these some may turn out to have ended.
        let mut open = Slow::of(8 * OF_A_SORT);
        for shard in shards.iter().take(MOST_SLOTS / CHUNK) {
            for chunk in shard.chunks.lock().iter().take(chunks_each) {
                chunk.each_open(|id, fields| open.add(Record { end: now, ..Record::from_fields(id, fields) }));
            }
        }
        // Afterwards, so that what has ended meanwhile is among these, and counts as ended.
        let mut ended = Vec::new();
        for shard in shards.iter() {
            finished.take_over(&shard.ring, &self.extras, |id| ended.push(id));
            if ended.len() >= NEWEST {
                break;
            }
        }
        let mut recent = Slow::of(OF_A_SORT);
        finished.newest().take(NEWEST).for_each(|record| recent.add(record));
        let spent = std::mem::take(&mut finished.spent);
        drop(finished);
        drop(shards);
        // Not under the locks: foreign code may run when these are dropped.
        drop(spent);
        open.slowest.retain(|open| !ended.contains(&open.id));
        open.slowest.truncate(OF_A_SORT);
        let evidence = |slow: Slow| slow.slowest.iter().map(|record| self.evidence(record)).collect();
        Some((evidence(open), evidence(recent)))
    }

    fn evidence(&self, record: &Record) -> TraceEvidence {
        let (of_ours, task) = (record.parent & OUTER == 0, record.task & !OUTER_TASK);
        let short = |text: Arc<str>| if text.len() <= MOST_TEXT_BYTES { text } else { cut(&text).into() };
        TraceEvidence {
            name: short(self.names.get(record.name)),
            duration_seconds: self.seconds(record.duration()),
            status: record.status,
            start_time: self.epoch_seconds(record.start),
            trace_id: record.id,
            parent_id: Some(record.parent).filter(|&parent| of_ours && parent != 0),
            // The number of another profiler's task is not one of ours.
            task_name: (task != 0 && task == record.task)
                .then(|| self.tasks.recent_name(task))
                .flatten()
                .map(|name| cut(&name).to_owned()),
        }
    }
}

/// The slowest of those that it is shown, slowest first.
struct Slow {
    most: usize,
    slowest: Vec<Record>,
}

impl Slow {
    fn of(most: usize) -> Self {
        Self { most, slowest: Vec::with_capacity(most + 1) }
    }

    fn add(&mut self, record: Record) {
        let duration = record.duration();
        let is_full = self.slowest.len() == self.most;
        if is_full && self.slowest.last().is_some_and(|fastest| fastest.duration() >= duration) {
            return;
        }
        let place = self.slowest.partition_point(|slower| slower.duration() >= duration);
        self.slowest.insert(place, record);
        self.slowest.truncate(self.most);
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MOST_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl Finished {
    /// Those that are held, the newest first.
    fn newest(&self) -> impl Iterator<Item = Record> {
        let full = self.full.iter().rev().map(|batch| &batch.records);
        let held = std::iter::once(&self.filling.records).chain(full);
        held.flat_map(|records| records.iter().rev()).take(self.held).map(Record::from_words)
    }
}
