//! Buckets at bounds that a program has chosen, such as those of its service level: they need counts of their own, because
//! the boundaries of the sketch lie elsewhere, and who alerts on "answered within 300 ms" wants no 302.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{MonitoringError, Result};

use super::buckets::SketchSnapshot;
use super::formats::ClassicHistogram;

/// Bounds of a histogram at most.
const LIMIT: usize = 100;
/// Threads that count apart; further ones share.
const STRIPES: usize = 8;
/// Counts in two cache lines, which processors fetch together.
const LINE: usize = 16;

/// Upper bounds, each of which belongs to the bucket below it, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bounds(Arc<[f64]>);

impl Bounds {
    pub(super) fn new(bounds: &[f64]) -> Result<Self> {
        let is_sound = (1..=LIMIT).contains(&bounds.len())
            && bounds.iter().all(|bound| bound.is_finite())
            && bounds.is_sorted_by(|one, next| one < next);
        if !is_sound {
            let accepted =
                format!("1 to {LIMIT} finite numbers in ascending order (the one of +Inf is there anyway)");
            return Err(MonitoringError::argument("bounds", &accepted, format_args!("{bounds:?}")));
        }
        Ok(Self(bounds.into()))
    }

    pub(super) fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

/// How many values of one series lie up to each bound.
#[derive(Debug)]
pub(super) struct OwnBounds {
    bounds: Bounds,
    /// For each stripe the buckets, the last one for what is above all bounds, filled up to whole lines.
    counts: Box<[AtomicU64]>,
}

impl OwnBounds {
    /// Begins with what was recorded before, of which it is known to within 1.1 % where it lies.
    pub(super) fn new(bounds: &Bounds, before: &SketchSnapshot) -> Self {
        let length = STRIPES * Self::stripe_length(bounds);
        let own = Self { bounds: bounds.clone(), counts: (0..length).map(|_| AtomicU64::new(0)).collect() };
        if before.count > 0 {
            let before = ClassicHistogram::of(before, bounds.as_slice());
            let mut below = 0;
            let up_to = before.buckets.iter().map(|(_, up_to)| *up_to).chain([before.count]);
            for (cell, up_to) in own.counts.iter().zip(up_to) {
                cell.store(up_to - below, Ordering::Relaxed);
                below = up_to;
            }
        }
        own
    }

    fn stripe_length(bounds: &Bounds) -> usize {
        (bounds.0.len() + 1).next_multiple_of(LINE)
    }

    /// Counts a finite value that the thread of this number records.
    pub(super) fn count(&self, slot: usize, value: f64) {
        let bucket = self.bounds.0.partition_point(|bound| *bound < value);
        let stripe = (slot % STRIPES) * Self::stripe_length(&self.bounds);
        self.counts[stripe + bucket].fetch_add(1, Ordering::Relaxed);
    }

    /// The histogram; the sum is somebody else's to know.
    pub(super) fn histogram(&self, sum: f64) -> ClassicHistogram {
        let length = Self::stripe_length(&self.bounds);
        let mut count = 0;
        let mut up_to = |bucket: usize| {
            let stripes = self.counts.chunks(length).map(|stripe| stripe[bucket].load(Ordering::Relaxed));
            count += stripes.sum::<u64>();
            count
        };
        let buckets =
            self.bounds.0.iter().enumerate().map(|(bucket, bound)| (*bound, up_to(bucket))).collect::<Vec<_>>();
        let count = up_to(buckets.len());
        ClassicHistogram { buckets, count, sum }
    }
}
