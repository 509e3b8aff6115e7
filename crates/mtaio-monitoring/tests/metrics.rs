//! The histogram's promises, held against exact oracles: sorted values, whole numbers of thousands of bits, and one sketch
//! that saw everything. Then the series and the registry around it.

mod boundaries;
mod formats;
mod labelled;
mod merging;
mod own_bounds;
mod quantiles;
mod registry;
mod series;
mod whole_numbers;

use mtaio_monitoring::metrics::{Sketch, SketchSnapshot};
use proptest::prelude::*;

/// The smallest subnormal.
const SMALLEST: f64 = f64::from_bits(1);

fn record_all(values: &[f64]) -> SketchSnapshot {
    let sketch = Sketch::new();
    for value in values {
        sketch.record(*value);
    }
    sketch.snapshot()
}

/// The one positive bucket that `value` falls into.
fn bucket_of(value: f64) -> i32 {
    let positive = record_all(&[value]).positive;
    assert_eq!(positive.counts, [1], "{value:e}");
    positive.offset
}

fn any_finite() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![
        POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO,
        -1e3..1e3,
        (-1074..1024_i32).prop_map(|power| f64::from(power).exp2()),
        Just(f64::MAX),
        Just(f64::MIN),
    ]
}
