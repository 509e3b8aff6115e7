//! A distribution as the formats on the wire have it, as plain data: nothing here writes bytes.
//!
//! Prometheus' native histograms and OTLP's exponential histograms have the boundaries of the sketch, 2^(k/2^scale), each
//! of which belongs to the bucket below it: they are the same counts under other numbers, coarser where a format sets a
//! limit. Classic buckets have bounds of their own, so there the count at a bound is that of the nearest boundary.

use super::buckets::{Buckets, SketchSnapshot};

/// The buckets that OTLP's exponential histogram has a side at most, unless configured otherwise.
pub const OTLP_MAX_BUCKETS: usize = 160;

/// The lowest and the highest schema of Prometheus' native histograms: their name of the scale.
pub const PROMETHEUS_SCHEMAS: (i32, i32) = (-4, 8);

/// Empty buckets in a row from which on a new span takes less room than they do.
const LONGEST_GAP: i32 = 2;

/// Prometheus' native histogram, in the fields of its protocol buffer.
///
/// ```
/// use mtaio_monitoring::metrics::{NativeHistogram, Sketch, Span};
///
/// let sketch = Sketch::new();
/// [1.0, 1.01, 4.0].into_iter().for_each(|value| sketch.record(value));
/// let native = NativeHistogram::of(&sketch.snapshot(), 160);
/// assert_eq!((native.schema, native.count), (5, 3));
/// // 1 is the upper bound of bucket 0, and 4 that of bucket 64.
/// assert_eq!(native.positive_spans, [Span { offset: 0, length: 2 }, Span { offset: 62, length: 1 }]);
/// assert_eq!(native.positive_deltas, [1, 0, 0]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeHistogram {
    /// The scale: an octave has 2^schema buckets. -4 to 8.
    pub schema: i32,
    /// Values of a magnitude up to this are counted as zero: 0, since only zero is.
    pub zero_threshold: f64,
    /// Values that are zero.
    pub zero_count: u64,
    /// All values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Where the buckets of values above zero are. Bucket i holds (b^(i-1), b^i], b = 2^(2^-schema).
    pub positive_spans: Vec<Span>,
    /// Their counts, each less the one before it.
    pub positive_deltas: Vec<i64>,
    /// The same of values below zero, by magnitude.
    pub negative_spans: Vec<Span>,
    /// The same of values below zero.
    pub negative_deltas: Vec<i64>,
}

/// Buckets in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From the bucket after the span before to the first one of this; of the first span, the number of its first bucket.
    pub offset: i32,
    /// How many there are.
    pub length: u32,
}

/// Prometheus' classic histogram: how many values there are up to each bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicHistogram {
    /// `(upper bound, values up to it)`, in ascending order. The one of +∞ is not among them: it is `count`.
    pub buckets: Vec<(f64, u64)>,
    /// All values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl SketchSnapshot {
    /// This distribution with at most so many buckets a side, at the highest scale that allows it: an exponential
    /// histogram of OTLP, whose fields have the same names. Counts stay exact.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::{OTLP_MAX_BUCKETS, Sketch};
    ///
    /// let sketch = Sketch::new();
    /// [0.001, 10.0].into_iter().for_each(|seconds| sketch.record(seconds));
    /// let exponential = sketch.snapshot().fitted(OTLP_MAX_BUCKETS);
    /// // 13.3 octaves, and 160 buckets for them.
    /// assert_eq!((exponential.scale, exponential.positive.total()), (3, 2));
    /// ```
    #[must_use]
    pub fn fitted(&self, max_buckets: usize) -> Self {
        let mut fitted = self.clone();
        // One is too few on either side of 1, whatever the scale; beyond 16 halvings nothing gets narrower.
        let too_wide = |side: &Buckets| side.counts.len() > max_buckets.max(2);
        while (too_wide(&fitted.positive) || too_wide(&fitted.negative)) && fitted.scale > self.scale - 31 {
            fitted.downscale(fitted.scale - 1);
        }
        fitted
    }
}

impl NativeHistogram {
    /// Of this distribution, with at most so many buckets a side where the lowest schema allows it.
    #[must_use]
    pub fn of(sketch: &SketchSnapshot, max_buckets: usize) -> Self {
        let (lowest, highest) = PROMETHEUS_SCHEMAS;
        let mut fitted = sketch.fitted(max_buckets);
        if fitted.scale < lowest {
            fitted = sketch.clone();
            fitted.downscale(lowest);
        }
        fitted.downscale(highest);
        let (positive_spans, positive_deltas) = spans(&fitted.positive);
        let (negative_spans, negative_deltas) = spans(&fitted.negative);
        Self {
            schema: fitted.scale,
            zero_threshold: 0.0,
            zero_count: fitted.zero_count,
            count: fitted.count,
            sum: fitted.sum,
            positive_spans,
            positive_deltas,
            negative_spans,
            negative_deltas,
        }
    }
}

fn spans(side: &Buckets) -> (Vec<Span>, Vec<i64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut deltas = Vec::new();
    // The bucket after the newest span, and the count before.
    let (mut next, mut before) = (0, 0_i64);
    for (index, count) in side.iter().filter(|(_, count)| *count > 0) {
        // Ours are numbered by their lower bound.
        let bucket = index + 1;
        let gap = bucket - next;
        match spans.last_mut() {
            Some(span) if gap <= LONGEST_GAP => {
                for _ in 0..gap {
                    deltas.push(-before);
                    before = 0;
                }
                span.length += gap as u32 + 1;
            }
            _ => spans.push(Span { offset: gap, length: 1 }),
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        (next, before) = (bucket + 1, count);
    }
    (spans, deltas)
}

impl ClassicHistogram {
    /// Of this distribution, at these upper bounds (in any order; those that are no finite numbers are left out).
    ///
    /// The count at a bound is exact where it is a boundary of the sketch, as zero and every power of two is; elsewhere it
    /// is that of the boundary nearest to it, which is less than 1.1 % away. Sum and count are exact everywhere.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::{ClassicHistogram, Sketch};
    ///
    /// let sketch = Sketch::new();
    /// [0.1, 0.5, 0.6, 7.0].into_iter().for_each(|value| sketch.record(value));
    /// let classic = ClassicHistogram::of(&sketch.snapshot(), &[0.25, 0.5, 1.0]);
    /// assert_eq!(classic.buckets, [(0.25, 1), (0.5, 2), (1.0, 3)]);
    /// assert_eq!(classic.count, 4);
    /// ```
    #[must_use]
    pub fn of(sketch: &SketchSnapshot, bounds: &[f64]) -> Self {
        let mut bounds: Vec<f64> = bounds.iter().copied().filter(|bound| bound.is_finite()).collect();
        bounds.sort_unstable_by(f64::total_cmp);
        bounds.dedup();
        let mut buckets: Vec<(f64, u64)> = bounds.into_iter().map(|bound| (bound, 0)).collect();
        sketch.each_middle(|middle, count| {
            let first_above = buckets.partition_point(|(bound, _)| *bound < middle);
            if let Some((_, counted)) = buckets.get_mut(first_above) {
                *counted += count;
            }
        });
        let mut up_to = 0;
        for (_, count) in &mut buckets {
            up_to += *count;
            *count = up_to;
        }
        Self { buckets, count: sketch.count, sum: sketch.sum }
    }
}

impl SketchSnapshot {
    /// The middle of each bucket that holds something, and how many values that is.
    fn each_middle(&self, mut told: impl FnMut(f64, u64)) {
        let holding = |side: &Buckets, sign: f64, told: &mut dyn FnMut(f64, u64)| {
            for (index, count) in side.iter().filter(|(_, count)| *count > 0) {
                told(sign * self.middle(index), count);
            }
        };
        holding(&self.negative, -1.0, &mut told);
        if self.zero_count > 0 {
            told(0.0, self.zero_count);
        }
        holding(&self.positive, 1.0, &mut told);
    }
}
