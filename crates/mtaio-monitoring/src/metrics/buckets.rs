//! The reading side of the histogram: plain counts that merge, coarsen and answer quantiles, all exactly.

/// The scale at which [`Sketch`](super::Sketch) records: 2^5 buckets an octave.
pub const SCALE: i32 = 5;

/// The scale of [`Tally`](super::Tally), whose quantiles are within 0.55 %.
pub(crate) const FINE_SCALE: i32 = 6;

/// The buckets of one sign: `counts[i]` values have a magnitude in (b^(offset+i), b^(offset+i+1)], b = 2^(2^-scale).
///
/// The same layout as `ExponentialHistogramDataPoint.Buckets` of OTLP. From the first to the last bucket that
/// holds anything; empty when none does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// The index of the first bucket.
    pub offset: i32,
    /// Values in each bucket, from `offset` on.
    pub counts: Vec<u64>,
}

impl Buckets {
    /// How many values all buckets hold.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Every bucket, with its index, from the smallest magnitude to the largest.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Buckets;
    ///
    /// let buckets = Buckets { offset: -1, counts: vec![3, 0, 2] };
    /// assert_eq!(buckets.iter().collect::<Vec<_>>(), [(-1, 3), (0, 0), (1, 2)]);
    /// ```
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> + ExactSizeIterator + '_ {
        self.counts.iter().enumerate().map(|(at, count)| (self.offset + at as i32, *count))
    }

    /// Appends a bucket that lies above all present ones.
    pub(crate) fn push(&mut self, index: i32, count: u64) {
        if self.counts.is_empty() {
            self.offset = index;
        }
        self.counts.resize((index - self.offset) as usize, 0);
        self.counts.push(count);
    }

    /// Adds to one bucket, wherever it lies.
    pub(crate) fn add(&mut self, index: i32, count: u64) {
        let at = i64::from(index) - i64::from(self.offset);
        match usize::try_from(at).ok().and_then(|at| self.counts.get_mut(at)) {
            Some(present) => *present += count,
            None => self.merge(&Self { offset: index, counts: vec![count] }),
        }
    }

    fn merge(&mut self, other: &Self) {
        if other.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            self.clone_from(other);
            return;
        }
        if other.offset < self.offset {
            let missing = (self.offset - other.offset) as usize;
            self.counts.splice(..0, std::iter::repeat_n(0, missing));
            self.offset = other.offset;
        }
        let first = (other.offset - self.offset) as usize;
        if self.counts.len() < first + other.counts.len() {
            self.counts.resize(first + other.counts.len(), 0);
        }
        for (count, more) in self.counts[first..].iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Sums each 2^`halvings` neighbours. An arithmetic shift rounds indices down, so negative ones group rightly.
    fn coarsen(&mut self, halvings: u32) {
        let mut coarse = Self::default();
        for (index, count) in self.iter() {
            let index = index >> halvings;
            let last = coarse.offset + coarse.counts.len() as i32 - 1;
            match coarse.counts.last_mut() {
                Some(sum) if index == last => *sum += count,
                _ => coarse.push(index, count),
            }
        }
        *self = coarse;
    }
}

/// What a [`Sketch`](super::Sketch) had counted at one moment: a plain value that can be kept, merged and exported.
///
/// Source of the format: OpenTelemetry metrics data model, `ExponentialHistogram`; Prometheus native histograms,
/// where the scale is called schema.
///
/// ```
/// use mtaio_monitoring::metrics::Sketch;
///
/// let (monday, tuesday) = (Sketch::new(), Sketch::new());
/// monday.record(0.25);
/// tuesday.record(4.0);
///
/// let mut week = monday.snapshot();
/// week.merge(&tuesday.snapshot());
/// assert_eq!((week.count, week.sum, week.min, week.max), (2, 4.25, Some(0.25), Some(4.0)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SketchSnapshot {
    /// An octave has 2^scale buckets. [`SCALE`] as a sketch records; less after [`downscale`](Self::downscale).
    pub scale: i32,
    /// Values that were exactly zero, of either sign.
    pub zero_count: u64,
    /// Values above zero.
    pub positive: Buckets,
    /// Values below zero, by magnitude.
    pub negative: Buckets,
    /// All values: the zeros and both sides.
    pub count: u64,
    /// The sum of all values, in the metric's unit, rounded as f64 addition rounds. It stops at ±`f64::MAX` rather
    /// than become infinite. Read while others record, it may be ahead of `count` by the records under way.
    pub sum: f64,
    /// The smallest value, exact. `None` before the first one.
    pub min: Option<f64>,
    /// The largest value, exact. `None` before the first one.
    pub max: Option<f64>,
}

impl Default for SketchSnapshot {
    /// The snapshot of a sketch that has counted nothing.
    fn default() -> Self {
        Self {
            scale: SCALE,
            zero_count: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
            count: 0,
            sum: 0.0,
            min: None,
            max: None,
        }
    }
}

impl SketchSnapshot {
    /// The value that the share `q` of all values does not exceed: 0.5 is the median, 0.99 the 99th percentile.
    ///
    /// It is the nearest-rank quantile, the ⌈q·count⌉-th smallest value, to within 1.09 % at scale 5 (each scale
    /// below about doubles that, one above halves it; below 2^-1022 an f64 itself is coarser: within one step of 2^-1074 more). The
    /// lowest and the highest rank are exact, and no answer leaves `min ..= max`.
    ///
    /// `None` when nothing was recorded, or when `q` is outside `0.0 ..= 1.0`.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::{Sketch, SketchSnapshot};
    ///
    /// let sketch = Sketch::new();
    /// for value in [-3.0, 0.0, 7.0] {
    ///     sketch.record(value);
    /// }
    /// let snapshot = sketch.snapshot();
    /// assert_eq!(snapshot.quantile(0.0), Some(-3.0));
    /// assert_eq!(snapshot.quantile(0.5), Some(0.0));
    /// assert_eq!(snapshot.quantile(1.0), Some(7.0));
    /// assert_eq!(snapshot.quantile(1.5), None);
    /// assert_eq!(SketchSnapshot::default().quantile(0.5), None);
    /// ```
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (min, max) = (self.min?, self.max?);
        if !(0.0..=1.0).contains(&q) {
            return None;
        }
        // 0.07 · 100 is 7.000000000000001 in f64, and is meant to be 7.
        let rank = (q * self.count as f64 * (1.0 - 2.0 * f64::EPSILON)).ceil() as u64;
        if rank <= 1 {
            return Some(min);
        }
        if rank >= self.count {
            return Some(max);
        }
        let negative = self.negative.iter().rev().map(|(at, count)| (-1.0, at, count));
        let zero = std::iter::once((0.0, 0, self.zero_count));
        let positive = self.positive.iter().map(|(at, count)| (1.0, at, count));
        let mut seen = 0;
        let held = negative.chain(zero).chain(positive).find(|(_, _, count)| {
            seen += count;
            seen >= rank
        });
        let value = held.map_or(max, |(sign, index, _)| sign * self.middle(index));
        // Not `clamp`, which panics when a caller has built a snapshot with the two swapped.
        Some(value.max(min).min(max))
    }

    /// Adds what `other` counted, as if all values had been recorded into one sketch.
    ///
    /// Counts are exact, and the order of merging does not matter (but for the rounding of `sum`). When the scales
    /// differ the result has the lower one of those that have counted anything.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        self.downscale(other.scale);
        let coarser;
        let other = if other.scale > self.scale {
            coarser = {
                let mut copy = other.clone();
                copy.downscale(self.scale);
                copy
            };
            &coarser
        } else {
            other
        };
        self.zero_count += other.zero_count;
        self.positive.merge(&other.positive);
        self.negative.merge(&other.negative);
        self.count += other.count;
        self.sum = add_saturating(self.sum, other.sum);
        // `None < Some(_)`, which suits the maximum only.
        self.min = self.min.into_iter().chain(other.min).reduce(f64::min);
        self.max = self.max.into_iter().chain(other.max).reduce(f64::max);
    }

    /// Lowers the resolution to `to_scale` by summing neighbours: exactly what recording at that scale would have
    /// given. A scale that is not lower than the present one changes nothing, for what was never kept apart
    /// cannot be told apart.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Sketch;
    ///
    /// let sketch = Sketch::new();
    /// for value in [1.5, 1.9, 3.0] {
    ///     sketch.record(value);
    /// }
    /// let mut snapshot = sketch.snapshot();
    /// snapshot.downscale(0); // (1, 2] and (2, 4]
    /// assert_eq!((snapshot.positive.offset, snapshot.positive.counts), (0, vec![2, 1]));
    /// ```
    pub fn downscale(&mut self, to_scale: i32) {
        if to_scale >= self.scale {
            return;
        }
        // Indices of an f64 fit 17 bits, so that beyond 31 halvings nothing changes any more.
        let halvings = self.scale.abs_diff(to_scale).min(31);
        self.positive.coarsen(halvings);
        self.negative.coarsen(halvings);
        self.scale = to_scale;
    }

    /// What would have been recorded if each value had been multiplied by a factor above zero: the same distribution in another
    /// unit.
    ///
    /// Buckets move by whole numbers, so that counts stay exact, but boundaries only where the factor is a power of
    /// 2^(2^-scale), as every power of two is. Elsewhere they, and so quantiles, are up to half a bucket further off: 1.1 % at
    /// scale 5.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Sketch;
    ///
    /// let milliseconds = Sketch::new();
    /// (1..=100).for_each(|value| milliseconds.record(f64::from(value)));
    /// let seconds = milliseconds.snapshot().multiplied(0.001);
    /// assert_eq!((seconds.count, seconds.max), (100, Some(0.1)));
    /// assert!((seconds.quantile(0.5).unwrap() / 0.05 - 1.0).abs() < 0.022);
    /// ```
    #[must_use]
    pub fn multiplied(&self, factor: f64) -> Self {
        let mut other = self.clone();
        if factor == 1.0 {
            return other;
        }
        // A factor of an f64 moves an index of one by no more than its own range.
        let shift = (factor.log2() * f64::from(self.scale).exp2()).round() as i32;
        for side in [&mut other.positive, &mut other.negative] {
            if !side.counts.is_empty() {
                side.offset = side.offset.saturating_add(shift);
            }
        }
        let times = |value: f64| (value * factor).clamp(f64::MIN, f64::MAX);
        (other.sum, other.min, other.max) = (times(self.sum), self.min.map(times), self.max.map(times));
        other
    }

    /// The value nearest, in relative terms, to everything in bucket `index`: 2lu/(l+u) for the bounds l and u.
    pub(super) fn middle(&self, index: i32) -> f64 {
        let width = (-f64::from(self.scale)).exp2();
        let above_lower = (2.0 / (1.0 + (-width).exp2())).log2();
        // One exponential, so that a subnormal result is rounded once.
        (f64::from(index) * width + above_lower).exp2()
    }
}

/// `a + b`, held within the finite numbers: a sum that became infinite would become NaN at the next opposite sign.
#[inline]
pub(super) fn add_saturating(a: f64, b: f64) -> f64 {
    let sum = a + b;
    // A branch, which is foreseen; `clamp` on every record would be waited for by the next one.
    if sum.is_finite() { sum } else { sum.clamp(f64::MIN, f64::MAX) }
}
