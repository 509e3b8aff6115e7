//! One recorded metric: its last value and its distribution, written by many threads without a shared cache line.
//!
//! The obvious design, one sketch fed by atomic additions, is right and slow: two threads on one series wait for
//! each other's cache lines at every record. So every thread writes a stripe of its own, made at its first record,
//! and readers merge the stripes, which the sketch allows exactly. A series that one thread feeds has one stripe.
//!
//! That leaves "the last value", which is about order between threads. A shared cell would be the shared line
//! again, and a time stamp on every value costs more than the record itself. So one thread *leads*: while it alone
//! records, its value is the last one, and it neither stamps nor writes anything shared. A thread that is not the
//! leader stamps its value with the monotonic clock, and then either becomes the leader or, when the last change is
//! less than [`TERM_NS`] ago, leaves the series without one. Then threads do record at the same time: each stamps,
//! the newest stamp is the last value, and the shared line is written twice a term at most.
//!
//! Why that is right, record by record: a record that begins after another one has returned finds either itself the
//! leader, so nobody else has recorded since it became that, or not, and then its stamp is the newer one or it takes
//! the lead. Which of two overlapping records counts as the last is open anyway.
//!
//! Long because what may be read while others write is said at each method.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::buckets::SketchSnapshot;
use super::formats::ClassicHistogram;
use super::labels::Labels;
use super::own_bounds::{Bounds, OwnBounds};
use super::sketch::{Extremes, Sketch};
use super::thread_slot;
use crate::clock::Clock;
use crate::lock::Mutex;

/// What the application records under one name and one set of labels. Whatever its kind, the last value *and* the
/// distribution are kept.
///
/// Memory: about 5 KB for values that span four decades, and as much again for each further thread that records
/// (at most 64; those beyond share one stripe, which is slower and loses nothing). From the first scrape on as much besides
/// as its labels take as text.
///
/// ```
/// use mtaio_monitoring::metrics::Series;
///
/// let series = Series::new("request_duration");
/// series.record(0.020);
/// series.record(0.035);
/// assert_eq!(series.last(), Some(0.035));
/// assert_eq!(series.count(), 2);
/// ```
pub struct Series {
    name: Arc<str>,
    labels: Labels,
    /// Its own among all series of the process.
    number: u64,
    made_ns: u64,
    watched: AtomicBool,
    /// What is recorded is added to a total.
    counter: AtomicBool,
    /// Counts at bounds of the program's own, where it has declared some.
    own_bounds: OnceLock<OwnBounds>,
    /// What a scrape has made of the labels, from the first one on: as long as they are, about. `None` inside for such that
    /// are to be made sound, which depends on other series.
    told_labels: OnceLock<Option<Box<str>>>,
    /// Held while a value is made from the last one.
    adding: Mutex<()>,
    /// The extremes of what [`cut`](Self::cut) has taken.
    past: Extremes,
    /// The number of the leading thread, or [`NOBODY`].
    leader: AtomicUsize,
    /// When the leader took the lead, in nanoseconds of the monotonic clock.
    term_began_ns: AtomicU64,
    first: [OnceLock<Box<Stripe>>; FIRST],
    /// The numbers from `FIRST` on: most series never meet so many threads.
    further: OnceLock<Box<[OnceLock<Box<Stripe>>; thread_slot::SLOTS - FIRST]>>,
    /// For threads that have no number.
    common: OnceLock<Box<Stripe>>,
}

/// What a [`Series`] held at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSnapshot {
    /// The metric's name.
    pub name: Arc<str>,
    /// What tells it apart from other series of the metric.
    pub labels: Labels,
    /// The value recorded last; of a counter, the total. `None` before the first.
    pub last: Option<f64>,
    /// How many values were recorded.
    pub count: u64,
    /// Their sum; see [`SketchSnapshot::sum`].
    pub sum: f64,
    /// The smallest. `None` before the first.
    pub min: Option<f64>,
    /// The largest. `None` before the first.
    pub max: Option<f64>,
    /// The distribution, which has count, sum, min and max too.
    pub sketch: SketchSnapshot,
    /// The counts at the bounds that its metric was declared with. Read while others record, it may be ahead of `sketch`
    /// by the records under way, or behind.
    pub classic: Option<ClassicHistogram>,
}

impl SeriesSnapshot {
    /// Name and labels, as an expression has them: `request_duration{route="/x"}`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}{}", self.name, self.labels)
    }
}

/// All that a series has counted at one moment, and between which values the part lies that is new.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    /// Since the series was made.
    pub(crate) sketch: SketchSnapshot,
    /// The smallest and the largest value since the cut before. A value recorded in the very moment of a cut may be in the
    /// extremes of one and in the counts of the next, so that these may be too wide, or infinite the wrong way round.
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Series {
    /// A series without values: about 350 bytes until the first one.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self::with_labels(name.into(), Labels::default(), 0)
    }

    /// A series that was made at this moment of the monotonic clock.
    pub(super) fn with_labels(name: Arc<str>, labels: Labels, made_ns: u64) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Self {
            name,
            labels,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            made_ns,
            watched: AtomicBool::new(false),
            counter: AtomicBool::new(false),
            own_bounds: OnceLock::new(),
            told_labels: OnceLock::new(),
            adding: Mutex::default(),
            past: Extremes::default(),
            leader: AtomicUsize::new(NOBODY),
            term_began_ns: AtomicU64::new(0),
            first: [const { OnceLock::new() }; FIRST],
            further: OnceLock::new(),
            common: OnceLock::new(),
        }
    }

    /// The labels as `make` writes them, which is asked once: they never change, and a scrape writes them again and again.
    pub(crate) fn told_labels(&self, make: impl FnOnce(&Labels) -> Option<Box<str>>) -> Option<&str> {
        self.told_labels.get_or_init(|| make(&self.labels)).as_deref()
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What tells it apart from other series of the metric.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// When it was made, in nanoseconds of the registry's monotonic clock.
    pub(crate) fn made_ns(&self) -> u64 {
        self.made_ns
    }

    /// Records `value`, which must be finite, and of a counter not below zero; the caller rejects and counts the others.
    ///
    /// Lock-free, and without a write to memory that another thread writes, but for a change of the leading thread
    /// (see the head of this file). Allocates at a thread's first record, and 512 bytes when the thread first sees
    /// a value in a pair of octaves.
    #[inline]
    pub fn record(&self, value: f64) {
        if let Some(slot) = thread_slot::current() {
            let stripe = self.stripe_of(slot);
            stripe.sketch.record_as_sole_writer(value);
            stripe.last.store(value.to_bits(), Ordering::Relaxed);
            if self.leader.load(Ordering::Relaxed) != slot {
                self.stamp_and_lead(slot, stripe);
            }
            // Last: who clears it and then reads finds all of this value, or finds it set again the next time.
            stripe.unseen.store(true, Ordering::Release);
            if let Some(own) = self.own_bounds.get() {
                own.count(slot, value);
            }
        } else {
            self.record_in_common(value);
        }
    }

    /// Records the last value plus `difference`, and gives the sum: a gauge that is moved rather than set. Threads that do so
    /// wait for each other, so that no step is lost; a value recorded meanwhile counts as before or after it.
    pub fn record_difference(&self, difference: f64) -> f64 {
        let _one_at_a_time = self.adding.lock();
        let value = self.last().unwrap_or(0.0) + difference;
        if value.is_finite() {
            self.record(value);
        }
        value
    }

    /// Has a counter's total be at least this: for who is told totals and not steps. One that is not above the present one
    /// changes nothing.
    pub fn record_total(&self, total: f64) {
        let _one_at_a_time = self.adding.lock();
        let step = total - self.total().unwrap_or(0.0);
        if step > 0.0 && step.is_finite() {
            self.record(step);
        }
    }

    /// The value recorded last, exactly as it was given; of a counter, the total. `None` before the first.
    ///
    /// A record that happened before another, on whatever threads, is the earlier one. Of two that ran at the same
    /// time, with nothing that put one before the other, either may win.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        if self.is_counter() {
            return self.total();
        }
        if let Some(leading) = self.stripe_if_any(self.leader.load(Ordering::Acquire)) {
            return Some(f64::from_bits(leading.last.load(Ordering::Relaxed)));
        }
        let stamped = self.all_stripes().filter_map(|stripe| {
            let stamp = stripe.stamp.load(Ordering::Acquire);
            let last = f64::from_bits(stripe.last.load(Ordering::Relaxed));
            (!last.is_nan()).then_some((stamp, last))
        });
        stamped.max_by_key(|(stamp, _)| *stamp).map(|(_, last)| last)
    }

    /// The sum of all values. `None` before the first.
    fn total(&self) -> Option<f64> {
        let sums = self.all_stripes().map(|stripe| stripe.sketch.sum());
        sums.reduce(super::buckets::add_saturating)
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.all_stripes().map(|stripe| stripe.sketch.count()).sum()
    }

    /// The value that the share `q` (0.0 to 1.0) of all values does not exceed; see [`SketchSnapshot::quantile`].
    ///
    /// For several quantiles take one [`snapshot`](Self::snapshot): each call here makes its own.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.sketch().quantile(q)
    }

    /// Name, last value and distribution, merged over all threads.
    #[must_use]
    pub fn snapshot(&self) -> SeriesSnapshot {
        let sketch = self.sketch();
        SeriesSnapshot {
            name: Arc::clone(&self.name),
            labels: self.labels.clone(),
            last: self.last(),
            count: sketch.count,
            sum: sketch.sum,
            min: sketch.min,
            max: sketch.max,
            classic: self.own_bounds.get().map(|own| own.histogram(sketch.sum)),
            sketch,
        }
    }

    /// Says whether a threshold watches this series.
    pub fn set_watched(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
    }

    /// Whether a threshold watches this series, so that a record can skip the alerts when none does.
    #[inline]
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Has values counted at these bounds from now on. The first ones stay.
    pub(super) fn set_bounds(&self, bounds: &Bounds) {
        self.own_bounds.get_or_init(|| OwnBounds::new(bounds, &self.sketch()));
    }

    /// Says whether what is recorded is added to a total, which is then the last value.
    pub(crate) fn set_counter(&self, counter: bool) {
        self.counter.store(counter, Ordering::Relaxed);
    }

    /// Whether it is the series of a counter.
    #[inline]
    #[must_use]
    pub fn is_counter(&self) -> bool {
        self.counter.load(Ordering::Relaxed)
    }

    /// What was recorded so far, with the extremes of what came since the cut before. `None` where nothing did. One
    /// caller at a time.
    pub(crate) fn cut(&self) -> Option<Cut> {
        let mut unseen = false;
        for stripe in self.all_stripes().filter(|stripe| stripe.unseen.load(Ordering::Relaxed)) {
            unseen |= stripe.unseen.swap(false, Ordering::AcqRel);
        }
        unseen.then(|| self.cumulative(|sketch| sketch.take_extremes(&self.past)))
    }

    /// What [`cut`](Self::cut) would give, and will.
    pub(crate) fn peek(&self) -> Option<Cut> {
        let unseen = self.all_stripes().any(|stripe| stripe.unseen.load(Ordering::Acquire));
        unseen.then(|| self.cumulative(Sketch::extremes))
    }

    fn cumulative(&self, extremes: impl Fn(&Sketch) -> (f64, f64)) -> Cut {
        let sketch = self.sketch();
        // After the counters: what they count is in the extremes by then.
        let (min, max) = self
            .all_stripes()
            .map(|stripe| extremes(&stripe.sketch))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), (lower, upper)| {
                (min.min(lower), max.max(upper))
            });
        Cut { sketch, min, max }
    }

    fn sketch(&self) -> SketchSnapshot {
        let snapshots = self.all_stripes().map(|stripe| stripe.sketch.snapshot());
        let merged = snapshots.reduce(|mut merged, snapshot| {
            merged.merge(&snapshot);
            merged
        });
        let mut merged = merged.unwrap_or_default();
        self.past.widen(&mut merged);
        merged
    }

    fn all_stripes(&self) -> impl Iterator<Item = &Stripe> {
        let further = self.further.get().into_iter().flat_map(|further| further.iter());
        let cells = self.first.iter().chain(further).chain([&self.common]);
        cells.filter_map(|cell| cell.get().map(|stripe| &**stripe))
    }

    #[inline]
    fn stripe_of(&self, slot: usize) -> &Stripe {
        match self.first.get(slot) {
            Some(cell) => cell.get_or_init(Stripe::new),
            None => self.further_stripe(slot - FIRST),
        }
    }

    fn further_stripe(&self, at: usize) -> &Stripe {
        let further =
            self.further.get_or_init(|| Box::new([const { OnceLock::new() }; thread_slot::SLOTS - FIRST]));
        further[at].get_or_init(Stripe::new)
    }

    fn stripe_if_any(&self, slot: usize) -> Option<&Stripe> {
        let cell = match slot.checked_sub(FIRST) {
            None => self.first.get(slot),
            Some(at) => self.further.get().and_then(|further| further.get(at)),
        };
        cell?.get().map(|stripe| &**stripe)
    }

    #[cold]
    fn stamp_and_lead(&self, slot: usize, stripe: &Stripe) {
        let now = now();
        stripe.stamp.store(now, Ordering::Release);
        if now.saturating_sub(self.term_began_ns.load(Ordering::Relaxed)) >= TERM_NS {
            self.term_began_ns.store(now, Ordering::Relaxed);
            self.leader.store(slot, Ordering::Release);
        } else {
            self.depose();
        }
    }

    /// Leaves the series without a leader. Reads first: in the midst of a crowd there is none already.
    fn depose(&self) {
        if self.leader.load(Ordering::Relaxed) != NOBODY {
            self.leader.store(NOBODY, Ordering::Release);
        }
    }

    #[cold]
    fn record_in_common(&self, value: f64) {
        let stripe = self.common.get_or_init(Stripe::new);
        stripe.sketch.record(value);
        if let Some(own) = self.own_bounds.get() {
            own.count(0, value);
        }
        // Value before stamp, and the stamp only upwards: of several writers that overlap any may be the last.
        stripe.last.store(value.to_bits(), Ordering::Relaxed);
        stripe.stamp.fetch_max(now(), Ordering::AcqRel);
        self.depose();
        stripe.unseen.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Series");
        fields.field("name", &self.name).field("last", &self.last()).field("count", &self.count());
        fields.finish_non_exhaustive()
    }
}

/// Stripes that have their cell in the series itself.
const FIRST: usize = 8;

/// The leader of a series that several threads record at the same time. No thread has this number.
const NOBODY: usize = usize::MAX;

/// How long a leader must have led, in nanoseconds, before another thread may follow it: 1 ms. Longer than a
/// cache line's way between cores by four orders of magnitude, shorter than the 5 ms for which CPython lets one
/// thread run.
const TERM_NS: u64 = 1_000_000;

/// What one thread has recorded. Aligned so that no two threads' stripes share a line or a pair of lines.
#[repr(C, align(128))]
struct Stripe {
    /// The bits of the last value; NaN, which is never recorded, before the first.
    last: AtomicU64,
    /// When `last` was recorded, in nanoseconds of the monotonic clock. Older than that where the thread was leading.
    stamp: AtomicU64,
    /// Something was recorded since the series was [cut](Series::cut).
    unseen: AtomicBool,
    sketch: Sketch,
}

impl Stripe {
    #[cold]
    fn new() -> Box<Self> {
        Box::new(Self {
            last: AtomicU64::new(f64::NAN.to_bits()),
            stamp: AtomicU64::new(0),
            unseen: AtomicBool::new(false),
            sketch: Sketch::new(),
        })
    }
}

fn now() -> u64 {
    Clock::system().monotonic_ns()
}
