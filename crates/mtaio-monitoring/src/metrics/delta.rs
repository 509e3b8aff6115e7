//! What happened between two looks at a series: the later counts less the earlier ones, exactly.
//!
//! Counts of buckets are whole numbers that only grow, so their differences are exact. The difference of two sums is not:
//! of a sum that a huge value once went into, the last digits are gone. Where rounding may have taken more than one per
//! cent, the sum is made from the buckets instead, which is within 1.09 % of each value.

use super::bucket_index::{bucket_of_slot, slot_of};
use super::buckets::{Buckets, SCALE, SketchSnapshot};
use super::series::Cut;

/// The share of an interval's sum that may be lost to rounding.
const TOLERATED_ROUNDING: f64 = 0.01;

impl Cut {
    /// What came after `earlier`, which is of the same series.
    pub(crate) fn since(&self, earlier: &SketchSnapshot) -> SketchSnapshot {
        let now = &self.sketch;
        let mut new = SketchSnapshot {
            zero_count: now.zero_count.saturating_sub(earlier.zero_count),
            positive: now.positive.without(&earlier.positive),
            negative: now.negative.without(&earlier.negative),
            ..SketchSnapshot::default()
        };
        new.count = new.zero_count + new.positive.total() + new.negative.total();
        if new.count == 0 {
            return new;
        }
        let within = |value: f64| {
            let value = now.min.map_or(value, |min| value.max(min));
            now.max.map_or(value, |max| value.min(max))
        };
        let (lowest, highest) = new.ends();
        let min = if is_in(self.min, lowest) { self.min } else { within(new.middle_of(lowest)) };
        let max = if is_in(self.max, highest) { self.max } else { within(new.middle_of(highest)) };
        (new.min, new.max) = (Some(min), Some(max));
        let count = new.count as f64;
        let difference = now.sum - earlier.sum;
        let (estimate, magnitude) = new.sum_of_middles();
        let rounding = count * f64::EPSILON * now.sum.abs().max(earlier.sum.abs());
        let sum = if rounding > TOLERATED_ROUNDING * magnitude { estimate } else { difference };
        // One multiplication may exceed the largest f64; a value that a sum has is not beyond it.
        new.sum = sum.max((count * min).max(f64::MIN)).min((count * max).min(f64::MAX));
        new
    }
}

/// A bucket with its sign; zero has one of its own.
type Place = (i8, i32);

fn is_in(value: f64, (sign, index): Place) -> bool {
    let side = if value > 0.0 { 1 } else { -i8::from(value < 0.0) };
    value.is_finite() && side == sign && (sign == 0 || bucket_of_slot(slot_of(value.abs()), SCALE) == index)
}

impl SketchSnapshot {
    /// The buckets of the smallest and of the largest value. There is at least one value.
    fn ends(&self) -> (Place, Place) {
        let first = |buckets: &Buckets| buckets.iter().find(|(_, count)| *count > 0).map(|(at, _)| at);
        let last = |buckets: &Buckets| buckets.iter().rev().find(|(_, count)| *count > 0).map(|(at, _)| at);
        let zero = (self.zero_count > 0).then_some((0, 0));
        let side = |sign: i8, at: Option<i32>| at.map(|at| (sign, at));
        let lowest = side(-1, last(&self.negative)).or(zero).or(side(1, first(&self.positive)));
        let highest = side(1, last(&self.positive)).or(zero).or(side(-1, first(&self.negative)));
        (lowest.unwrap_or_default(), highest.unwrap_or_default())
    }

    fn middle_of(&self, (sign, index): Place) -> f64 {
        if sign == 0 { 0.0 } else { f64::from(sign) * self.middle(index) }
    }

    /// The sum of all values, each taken for the middle of its bucket, and the sum of their magnitudes.
    fn sum_of_middles(&self) -> (f64, f64) {
        let side = |buckets: &Buckets| -> f64 {
            buckets.iter().filter(|(_, count)| *count > 0).map(|(at, count)| self.middle(at) * count as f64).sum()
        };
        let (positive, negative) = (side(&self.positive), side(&self.negative));
        (positive - negative, positive + negative)
    }
}

impl Buckets {
    /// These counts less those of `earlier`, from the first to the last bucket that is left.
    fn without(&self, earlier: &Self) -> Self {
        let mut rest = Self::default();
        for (index, count) in self.iter() {
            let at = usize::try_from(i64::from(index) - i64::from(earlier.offset)).ok();
            let before = at.and_then(|at| earlier.counts.get(at)).copied().unwrap_or(0);
            if count > before {
                rest.push(index, count - before);
            }
        }
        rest
    }
}
