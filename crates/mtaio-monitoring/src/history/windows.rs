//! What was recorded when: for each series, what each tick of the sampler brought, so that any window can be asked for.
//!
//! A series counts from its beginning on and is never reset, because exporters and threads read it at any time. So each
//! tick compares it with what it was at the tick before, and keeps the difference, packed. The newest [`FINE_TICKS`]
//! ticks are kept one by one and older ones ten at a time, always the same ten, so that all series agree on where one
//! block ends. What came after the newest tick is found when somebody asks, and belongs to every window: hence a monitor
//! that never ran answers for all that was recorded.
//!
//! A window is rounded to whole ticks: one counts if more than half of it lies inside. [`Summary::seconds`] says what
//! it came to.

use std::collections::{HashMap, VecDeque};
use std::mem::size_of;

use crate::metrics::{Series, SketchSnapshot, Summary};

use super::packed::Packed;

/// Ticks that are kept one by one.
const FINE_TICKS: u64 = 300;
/// Older ticks that are kept as one.
const MERGED_TICKS: u64 = 10;

/// The newest ticks, what each series recorded in them, and no more of it than there is room for.
#[derive(Debug)]
pub(crate) struct Windows {
    /// Oldest first, each beginning where the one before ends.
    ticks: VecDeque<Ticks>,
    /// The number of the tick that comes next.
    next: u64,
    /// When the newest tick was; before the first, when the monitor was made.
    newest_ns: u64,
    /// By the number of the series.
    kept: HashMap<u64, Kept>,
    /// Ticks to keep at most.
    capacity: u64,
    /// Bytes that blocks may take, and that they do.
    budget: usize,
    bytes: usize,
    dropped: u64,
    /// When it was last looked for series that nobody uses.
    looked_ns: u64,
}

/// One tick, or ten that were merged.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    first: u64,
    start_ns: u64,
    end_ns: u64,
}

#[derive(Debug, Default)]
struct Kept {
    /// What the series had counted at its newest cut.
    counted: Packed,
    sum: f64,
    /// Oldest first.
    blocks: VecDeque<Block>,
    /// The number of the tick that found it changed last, and when that was.
    changed: u64,
    changed_ns: u64,
}

/// What a series recorded in a tick, or in ten.
#[derive(Debug)]
struct Block {
    /// The first of them.
    tick: u64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    counts: Packed,
}

/// What somebody wants to know of a window: each costs a multiple of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The last value alone.
    Last,
    /// Count, sum and extremes too.
    Totals,
    /// The buckets too, which quantiles are made of.
    Distribution,
}

/// A window, rounded to ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    first: u64,
    /// The tick behind it; `None` where it lasts until now, which no tick has seen.
    behind: Option<u64>,
    start_ns: u64,
    end_ns: u64,
    /// There was a tick, so that nothing recorded before `start_ns` is in it.
    ticked: bool,
}

impl Span {
    /// How long it is.
    pub(crate) fn seconds(&self) -> f64 {
        self.end_ns.saturating_sub(self.start_ns) as f64 / 1e9
    }

    /// When no tick told when things were, a window is as old as the first of the series.
    fn reach(&mut self, series: &Series) {
        if !self.ticked {
            self.start_ns = self.start_ns.min(series.made_ns());
        }
    }
}

impl Windows {
    /// Begins at this moment of the monotonic clock, and keeps so many ticks and bytes at most.
    pub(crate) fn new(now_ns: u64, capacity: usize, budget: usize) -> Self {
        Self {
            ticks: VecDeque::new(),
            next: 0,
            newest_ns: now_ns,
            kept: HashMap::new(),
            capacity: capacity as u64,
            budget,
            bytes: 0,
            dropped: 0,
            looked_ns: now_ns,
        }
    }

    /// A tick: keeps what each series recorded since the one before.
    pub(crate) fn tick<'a>(&mut self, now_ns: u64, all: impl Iterator<Item = &'a Series>) {
        let tick = self.next;
        self.next += 1;
        self.ticks.push_back(Ticks { first: tick, start_ns: self.newest_ns, end_ns: now_ns });
        self.newest_ns = now_ns;
        for series in all {
            let Some(cut) = series.cut() else { continue };
            let kept = self.kept.entry(series.number()).or_default();
            let new = cut.since(&kept.before());
            (kept.changed, kept.changed_ns) = (tick, now_ns);
            if let Some(block) = Block::of(tick, &new) {
                kept.counted = Packed::of(&cut.sketch);
                kept.sum = cut.sketch.sum;
                self.bytes += block.bytes();
                kept.blocks.push_back(block);
            }
        }
        if let Some(begin) = (tick + 1).checked_sub(FINE_TICKS + MERGED_TICKS)
            && (tick + 1).is_multiple_of(MERGED_TICKS)
        {
            self.merge_from(begin);
        }
        let oldest = (tick + 1).saturating_sub(self.capacity);
        // Of ten that were merged the last one counts.
        while self.ticks.get(1).is_some_and(|second| second.first <= oldest) {
            self.ticks.pop_front();
        }
        self.forget_before_first();
        while self.bytes > self.budget && self.ticks.len() > 1 {
            self.ticks.pop_front();
            self.dropped += self.forget_before_first();
        }
    }

    /// The window of so many nanoseconds that ends now.
    pub(crate) fn span(&self, now_ns: u64, window_ns: u64) -> Span {
        let begin = now_ns.saturating_sub(window_ns);
        let at = self.ticks.partition_point(|ticks| ticks.start_ns.midpoint(ticks.end_ns) <= begin);
        let ticked = !self.ticks.is_empty();
        match self.ticks.get(at) {
            Some(ticks) => {
                Span { first: ticks.first, behind: None, start_ns: ticks.start_ns, end_ns: now_ns, ticked }
            }
            None => {
                let start_ns = if ticked { self.newest_ns } else { now_ns };
                Span { first: self.next, behind: None, start_ns, end_ns: now_ns, ticked }
            }
        }
    }

    /// The window from one moment of the past to another; `None` where no tick lies in it.
    pub(crate) fn between(&self, begin_ns: u64, end_ns: u64) -> Option<Span> {
        let place =
            |moment| self.ticks.partition_point(|ticks: &Ticks| ticks.start_ns.midpoint(ticks.end_ns) <= moment);
        let (first, behind) = (place(begin_ns), place(end_ns));
        let newest = self.ticks.get(behind.checked_sub(1)?)?;
        let oldest = self.ticks.get(first).filter(|_| first < behind)?;
        let next = self.ticks.get(behind).map_or(self.next, |ticks| ticks.first);
        let (start_ns, end_ns) = (oldest.start_ns, newest.end_ns);
        Some(Span { first: oldest.first, behind: Some(next), start_ns, end_ns, ticked: true })
    }

    /// What these series recorded in a window, together. Of several that are no counters the value that is the newest is
    /// the last one, to within a tick; in one tick, that of the series that comes last.
    pub(crate) fn summary<'a>(
        &self,
        mut span: Span,
        all: impl Iterator<Item = &'a Series>,
        wanted: Wanted,
    ) -> Summary {
        let mut summary = Summary::default();
        let mut newest_change = None;
        for series in all {
            span.reach(series);
            let none = Kept::default();
            let kept = self.kept.get(&series.number()).unwrap_or(&none);
            if wanted != Wanted::Last {
                let first = kept.blocks.partition_point(|block| block.tick < span.first);
                let behind = span
                    .behind
                    .map_or(kept.blocks.len(), |tick| kept.blocks.partition_point(|block| block.tick < tick));
                for block in kept.blocks.range(first..behind.max(first)) {
                    summary.sketch.merge(&block.totals());
                    if wanted == Wanted::Distribution {
                        block.counts.add_to(&mut summary.sketch);
                    }
                }
            }
            summary.is_counter = series.is_counter();
            if span.behind.is_some() {
                // What it was last is known of now alone.
                continue;
            }
            let newest = series.peek();
            if let Some(cut) = &newest {
                summary.sketch.merge(&cut.since(&kept.before()));
            }
            let Some(last) = series.last() else { continue };
            let changed = if newest.is_some() { self.next } else { kept.changed };
            if summary.is_counter {
                summary.last = Some(summary.last.unwrap_or(0.0) + last);
            } else if newest_change.is_none_or(|newest| changed >= newest) {
                (summary.last, newest_change) = (Some(last), Some(changed));
            }
        }
        summary.seconds = span.seconds();
        summary
    }

    /// What these series recorded since their first value, however long ago.
    pub(crate) fn since_the_first<'a>(
        &self,
        now_ns: u64,
        all: impl Iterator<Item = &'a Series> + Clone,
    ) -> Summary {
        // For the last value, of which windows know the order.
        let mut summary = self.summary(self.span(now_ns, 0), all.clone(), Wanted::Last);
        summary.sketch = SketchSnapshot::default();
        let mut begin_ns = now_ns;
        for series in all {
            summary.sketch.merge(&series.snapshot().sketch);
            begin_ns = begin_ns.min(series.made_ns());
        }
        summary.seconds = now_ns.saturating_sub(begin_ns) as f64 / 1e9;
        summary
    }

    /// Whether it is time to look for series that nobody uses, if it is so every `every_ns`.
    pub(crate) fn looks_for_expired(&mut self, now_ns: u64, every_ns: u64) -> bool {
        let due = now_ns.saturating_sub(self.looked_ns) >= every_ns;
        if due {
            self.looked_ns = now_ns;
        }
        due
    }

    /// Since when a series has not changed, as far as ticks have seen.
    pub(crate) fn idle_since_ns(&self, series: &Series) -> u64 {
        self.kept.get(&series.number()).map_or_else(|| series.made_ns(), |kept| kept.changed_ns)
    }

    /// Forgets series that are gone.
    pub(crate) fn forget(&mut self, numbers: &[u64]) {
        for kept in numbers.iter().filter_map(|number| self.kept.remove(number)) {
            self.bytes -= kept.blocks.iter().map(Block::bytes).sum::<usize>();
        }
    }

    /// Blocks that were let go early, for want of room.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Makes one of the ten ticks from `begin` on.
    fn merge_from(&mut self, begin: u64) {
        let group = begin - begin % MERGED_TICKS;
        let end = group + MERGED_TICKS;
        let first = self.ticks.partition_point(|ticks| ticks.first < group);
        let behind = self.ticks.partition_point(|ticks| ticks.first < end);
        if behind == first {
            return;
        }
        // Some of the ten may be gone for want of room.
        let tick = self.ticks[first].first;
        self.ticks[first].end_ns = self.ticks[behind - 1].end_ns;
        self.ticks.drain(first + 1..behind);
        for kept in self.kept.values_mut() {
            let first = kept.blocks.partition_point(|block| block.tick < group);
            let behind = kept.blocks.partition_point(|block| block.tick < end);
            if behind == first {
                continue;
            }
            let mut merged = SketchSnapshot::default();
            for block in kept.blocks.drain(first + 1..behind) {
                self.bytes -= block.bytes();
                merged.merge(&block.sketch());
            }
            let block = &mut kept.blocks[first];
            self.bytes -= block.bytes();
            merged.merge(&block.sketch());
            if let Some(whole) = Block::of(tick, &merged) {
                *block = whole;
            }
            self.bytes += block.bytes();
        }
    }

    /// Lets go of blocks that are older than the oldest tick, and says how many.
    fn forget_before_first(&mut self) -> u64 {
        let Some(oldest) = self.ticks.front().map(|ticks| ticks.first) else { return 0 };
        let mut gone = 0;
        for kept in self.kept.values_mut() {
            while let Some(block) = kept.blocks.pop_front_if(|block| block.tick < oldest) {
                self.bytes -= block.bytes();
                gone += 1;
            }
        }
        gone
    }
}

impl Kept {
    /// What the series had counted at its newest cut.
    fn before(&self) -> SketchSnapshot {
        SketchSnapshot { sum: self.sum, ..self.counted.unpack() }
    }
}

impl Block {
    /// `None` of nothing.
    fn of(tick: u64, sketch: &SketchSnapshot) -> Option<Self> {
        let (min, max) = (sketch.min?, sketch.max?);
        Some(Self { tick, count: sketch.count, sum: sketch.sum, min, max, counts: Packed::of(sketch) })
    }

    /// All but the buckets.
    fn totals(&self) -> SketchSnapshot {
        let (min, max) = (Some(self.min), Some(self.max));
        SketchSnapshot { count: self.count, sum: self.sum, min, max, ..SketchSnapshot::default() }
    }

    fn sketch(&self) -> SketchSnapshot {
        SketchSnapshot { sum: self.sum, min: Some(self.min), max: Some(self.max), ..self.counts.unpack() }
    }

    /// What it takes, with what an allocation takes beside.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.counts.len() + 2 * size_of::<usize>()
    }
}

#[cfg(test)]
#[path = "../../tests/history/windows.rs"]
mod tests;
