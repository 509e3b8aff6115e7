//! At which values the classic histograms of a metric are told.

use std::borrow::Cow;

use super::text::push_bound;
use crate::metrics::exposed::BaseUnit;
use crate::metrics::{ClassicHistogram, SeriesSnapshot};

/// Bounds of a histogram of seconds: those of `http.server.request.duration` in OpenTelemetry's conventions.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Bounds of a histogram of bytes, 256 bytes to 1 GiB: boundaries of the sketch, so that their counts are exact.
const BYTES: [f64; 12] = [
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

/// Bounds of any other histogram: those of OpenTelemetry's explicit buckets.
const OTHERS: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2.5e3, 5e3, 7.5e3, 1e4];

/// The upper bounds of the histograms of a metric.
pub(super) struct Bounds {
    /// In the unit that the program records in.
    own: Vec<f64>,
    /// In the base unit, as a number and as text. `None` for one that is the same there as the one before it, or none at all.
    told: Vec<Option<(f64, String)>>,
}

impl Bounds {
    /// For a metric that declares none.
    pub(super) fn usual(unit: BaseUnit) -> Self {
        let usual: &[f64] = match unit.word {
            "seconds" => &SECONDS,
            "bytes" => &BYTES,
            _ => &OTHERS,
        };
        let told = usual.iter().map(|bound| Some((*bound, text_of(*bound)))).collect();
        Self { own: usual.iter().map(|bound| unit.convert_back(*bound)).collect(), told }
    }

    fn new(own: Vec<f64>, unit: BaseUnit) -> Self {
        let mut before = None;
        let told = |bound: &f64| {
            let bound = unit.convert(*bound);
            let is_new = bound.is_finite() && before != Some(bound);
            before = Some(bound);
            is_new.then(|| (bound, text_of(bound)))
        };
        let told = own.iter().map(told).collect();
        Self { own, told }
    }

    fn are(&self, classic: &ClassicHistogram) -> bool {
        self.own.len() == classic.buckets.len()
            && self.own.iter().zip(&classic.buckets).all(|(own, (bound, _))| own == bound)
    }

    /// The counts of a series: at the bounds that its metric was declared with, which become these, or at these.
    pub(super) fn counts<'a>(&mut self, series: &'a SeriesSnapshot, unit: BaseUnit) -> Cow<'a, ClassicHistogram> {
        let Some(own) = &series.classic else {
            return Cow::Owned(ClassicHistogram::of(&series.sketch, &self.own));
        };
        if !self.are(own) {
            *self = Self::new(own.buckets.iter().map(|(bound, _)| *bound).collect(), unit);
        }
        Cow::Borrowed(own)
    }

    /// Each bound that is told, as a number and as text in the base unit, with the count up to it.
    pub(super) fn told<'a>(
        &'a self,
        classic: &'a ClassicHistogram,
    ) -> impl Iterator<Item = (f64, &'a str, u64)> + 'a {
        let told = classic.buckets.iter().zip(&self.told);
        told.filter_map(|((_, count), told)| told.as_ref().map(|(bound, text)| (*bound, &**text, *count)))
    }

    /// Whether a sum of what is recorded may go down.
    pub(super) fn are_negative(&self) -> bool {
        self.own.first().is_some_and(|first| *first < 0.0)
    }
}

fn text_of(bound: f64) -> String {
    let mut text = String::new();
    push_bound(&mut text, bound);
    text
}
