//! The recording side of the histogram: counters that many threads may feed, and that grow only where values fall.
//!
//! The format is the base-2 exponential histogram at scale 5: bucket k counts the values in
//! (2^(k/32), 2^((k+1)/32)]. The OpenTelemetry data model ("ExponentialHistogram") and Prometheus' native
//! histograms (schema 5) have these same boundaries, so an exporter sums neighbours and never re-buckets.
//!
//! A flat array over all finite f64 would take 537 KB a side. The counters therefore live in pages of two octaves
//! (512 bytes) that are allocated when a value first falls into them, under groups of 64 octaves. Latencies
//! between 1 ms and 10 s take about 5 KB. Values chosen to touch everything take 580 KB a side, 1.2 MB in all, and
//! no more however many values follow.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bucket_index::{BUCKETS_PER_OCTAVE, SLOTS, bucket_of_slot, slot_of};
use super::buckets::{Buckets, SCALE, SketchSnapshot, add_saturating};

const PAGE_COUNTERS: usize = 2 * BUCKETS_PER_OCTAVE;
const GROUP_PAGES: usize = 32;
const GROUP_COUNTERS: usize = GROUP_PAGES * PAGE_COUNTERS;
const GROUPS: usize = SLOTS / GROUP_COUNTERS;

/// A base-2 exponential histogram of scale 5 that any number of threads record into without a lock.
///
/// Quantiles of its [snapshot](Sketch::snapshot) are within 1.09 % of the exact ones. Everything is kept from the
/// sketch's creation on: counts are cumulative and never reset.
///
/// Source of the format: OpenTelemetry metrics data model, `ExponentialHistogram`; Prometheus native histograms.
///
/// ```
/// use mtaio_monitoring::metrics::Sketch;
///
/// let sketch = Sketch::new();
/// for milliseconds in 1..=1000 {
///     sketch.record(f64::from(milliseconds) / 1000.0);
/// }
/// let p99 = sketch.snapshot().quantile(0.99).unwrap();
/// assert!((p99 - 0.990).abs() <= 0.990 * 0.0109);
/// ```
// The order of the fields is the order in memory: what every record touches comes first and shares a cache line.
#[repr(C)]
pub struct Sketch {
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    zero_count: AtomicU64,
    negative: OnceLock<Box<Side>>,
    positive: Side,
}

impl Sketch {
    /// An empty sketch: about 600 bytes, before any page.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sum: AtomicU64::new(0.0_f64.to_bits()),
            min: AtomicU64::new(f64::INFINITY.to_bits()),
            max: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
            zero_count: AtomicU64::new(0),
            negative: OnceLock::new(),
            positive: Side::new(),
        }
    }

    /// Counts `value`, which must be finite; the caller rejects and counts the others.
    ///
    /// Lock-free. Allocates 512 bytes when a value falls into a pair of octaves for the first time.
    #[inline]
    pub fn record(&self, value: f64) {
        self.record_as::<false>(value);
    }

    /// [`record`](Self::record) for a sketch that only this thread writes, while others may read.
    ///
    /// A sole writer needs no read-modify-write instruction: load, add and store lose nothing, and cost a fifth.
    #[inline]
    pub(crate) fn record_as_sole_writer(&self, value: f64) {
        self.record_as::<true>(value);
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        let negative = self.negative.get().map_or(0, |side| side.count());
        self.zero_count.load(Ordering::Acquire) + negative + self.positive.count()
    }

    /// The sum of all values.
    pub(super) fn sum(&self) -> f64 {
        f64::from_bits(self.sum.load(Ordering::Relaxed))
    }

    /// The smallest and the largest value since the extremes were last taken; infinite the wrong way round where there
    /// was none.
    pub(super) fn extremes(&self) -> (f64, f64) {
        let load = |cell: &AtomicU64| f64::from_bits(cell.load(Ordering::Relaxed));
        (load(&self.min), load(&self.max))
    }

    /// Moves the extremes to where the caller keeps them, so that the next ones are of what comes from now on. Whoever then
    /// looks here and after that in `past` misses none.
    pub(super) fn take_extremes(&self, past: &Extremes) -> (f64, f64) {
        let take = |cell: &AtomicU64, empty: f64, fold: &dyn Fn(f64)| loop {
            let seen = cell.load(Ordering::Relaxed);
            fold(f64::from_bits(seen));
            if cell.compare_exchange(seen, empty.to_bits(), Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return f64::from_bits(seen);
            }
        };
        let min = take(&self.min, f64::INFINITY, &|min| past.include(min, f64::NEG_INFINITY));
        let max = take(&self.max, f64::NEG_INFINITY, &|max| past.include(f64::INFINITY, max));
        (min, max)
    }

    /// A plain copy, with the counts of one moment for each counter. It holds every value whose `record` returned
    /// before this call, and `min`, `max` and `sum` take in every value that it counts.
    #[must_use]
    pub fn snapshot(&self) -> SketchSnapshot {
        let zero_count = self.zero_count.load(Ordering::Acquire);
        let negative = self.negative.get().map_or_else(Buckets::default, |side| side.buckets());
        let positive = self.positive.buckets();
        let count = zero_count + negative.total() + positive.total();
        // After the counters: what they count is in these three by then (see `record_as`).
        let load = |cell: &AtomicU64| f64::from_bits(cell.load(Ordering::Acquire));
        SketchSnapshot {
            zero_count,
            positive,
            negative,
            count,
            sum: if count == 0 { 0.0 } else { load(&self.sum) },
            min: (count > 0).then(|| load(&self.min)),
            max: (count > 0).then(|| load(&self.max)),
            ..SketchSnapshot::default()
        }
    }

    #[inline]
    fn record_as<const SOLE_WRITER: bool>(&self, value: f64) {
        debug_assert!(value.is_finite(), "a sketch holds finite values only, got {value}");
        update::<SOLE_WRITER>(&self.sum, |sum| add_saturating(sum, value));
        // A new extreme is rare, so that the common case only reads.
        if value < f64::from_bits(self.min.load(Ordering::Relaxed)) {
            update::<SOLE_WRITER>(&self.min, |min| min.min(value));
        }
        if value > f64::from_bits(self.max.load(Ordering::Relaxed)) {
            update::<SOLE_WRITER>(&self.max, |max| max.max(value));
        }
        let counter = if value > 0.0 {
            self.positive.counter(slot_of(value))
        } else if value == 0.0 {
            &self.zero_count
        } else {
            self.negative.get_or_init(|| Box::new(Side::new())).counter(slot_of(-value))
        };
        // Last, and with release: who sees this count sees the sum and the extremes that go with it.
        if SOLE_WRITER {
            counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
        } else {
            counter.fetch_add(1, Ordering::Release);
        }
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sketch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sketch").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// The extremes of values that a sketch has let go of.
pub(super) struct Extremes {
    min: AtomicU64,
    max: AtomicU64,
}

impl Default for Extremes {
    fn default() -> Self {
        Self { min: AtomicU64::new(f64::INFINITY.to_bits()), max: AtomicU64::new(f64::NEG_INFINITY.to_bits()) }
    }
}

impl Extremes {
    fn include(&self, lower: f64, upper: f64) {
        if lower < f64::from_bits(self.min.load(Ordering::Relaxed)) {
            update::<false>(&self.min, |min| min.min(lower));
        }
        if upper > f64::from_bits(self.max.load(Ordering::Relaxed)) {
            update::<false>(&self.max, |max| max.max(upper));
        }
    }

    /// Has the extremes of a snapshot take these in.
    pub(super) fn widen(&self, snapshot: &mut SketchSnapshot) {
        let load = |cell: &AtomicU64| f64::from_bits(cell.load(Ordering::Relaxed));
        snapshot.min = snapshot.min.map(|min| min.min(load(&self.min)));
        snapshot.max = snapshot.max.map(|max| max.max(load(&self.max)));
    }
}

#[inline]
fn update<const SOLE_WRITER: bool>(cell: &AtomicU64, change: impl Fn(f64) -> f64) {
    let mut seen = cell.load(Ordering::Relaxed);
    loop {
        let changed = change(f64::from_bits(seen)).to_bits();
        if SOLE_WRITER {
            return cell.store(changed, Ordering::Relaxed);
        }
        match cell.compare_exchange_weak(seen, changed, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => seen = now,
        }
    }
}

/// The counters of one sign.
struct Side([OnceLock<Box<Group>>; GROUPS]);

struct Group([OnceLock<Box<Page>>; GROUP_PAGES]);

/// Aligned so that two threads' pages never share a cache line, nor the pair of lines that processors prefetch.
#[repr(align(128))]
struct Page([AtomicU64; PAGE_COUNTERS]);

impl Side {
    fn new() -> Self {
        Self([const { OnceLock::new() }; GROUPS])
    }

    #[inline]
    fn counter(&self, slot: usize) -> &AtomicU64 {
        let group = self.0[slot / GROUP_COUNTERS].get_or_init(new_group);
        let page = group.0[slot / PAGE_COUNTERS % GROUP_PAGES].get_or_init(new_page);
        &page.0[slot % PAGE_COUNTERS]
    }

    fn count(&self) -> u64 {
        self.counters().map(|(_, count)| count).sum()
    }

    fn buckets(&self) -> Buckets {
        let mut buckets = Buckets::default();
        for (slot, count) in self.counters() {
            if count > 0 {
                buckets.push(bucket_of_slot(slot, SCALE), count);
            }
        }
        buckets
    }

    /// Every counter that has a page, with its slot, in ascending order.
    fn counters(&self) -> impl Iterator<Item = (usize, u64)> {
        let groups = self.0.iter().enumerate();
        let groups = groups.filter_map(|(at, group)| Some((at * GROUP_COUNTERS, group.get()?)));
        let pages = groups.flat_map(|(first, group)| {
            let pages = group.0.iter().enumerate();
            pages.filter_map(move |(at, page)| Some((first + at * PAGE_COUNTERS, page.get()?)))
        });
        pages.flat_map(|(first, page)| {
            let counters = page.0.iter().enumerate();
            counters.map(move |(at, counter)| (first + at, counter.load(Ordering::Acquire)))
        })
    }
}

#[cold]
fn new_group() -> Box<Group> {
    Box::new(Group([const { OnceLock::new() }; GROUP_PAGES]))
}

#[cold]
fn new_page() -> Box<Page> {
    Box::new(Page([const { AtomicU64::new(0) }; PAGE_COUNTERS]))
}
