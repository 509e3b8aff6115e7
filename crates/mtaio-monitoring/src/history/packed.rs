//! A distribution in few bytes: about three a bucket that holds anything, where a plain copy takes eight a bucket between
//! the first and the last one.
//!
//! Whole numbers of seven bits a byte, the highest bit saying that more follow: the zeros, and for each sign how many
//! buckets there are, and for each the step from the one before and its count.

use crate::metrics::{Buckets, SketchSnapshot};

/// The buckets of a sketch of the scale that series record at. Sum and extremes are kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn of(sketch: &SketchSnapshot) -> Self {
        let mut bytes = Vec::new();
        put(&mut bytes, sketch.zero_count);
        for side in [&sketch.positive, &sketch.negative] {
            let filled = || side.iter().filter(|(_, count)| *count > 0);
            put(&mut bytes, filled().count() as u64);
            let mut before = 0;
            for (index, count) in filled() {
                // The first step may go down; zigzag makes small numbers of either sign small.
                let step = i64::from(index) - before;
                put(&mut bytes, ((step << 1) ^ (step >> 63)) as u64);
                put(&mut bytes, count);
                before = i64::from(index);
            }
        }
        Self(bytes.into())
    }

    /// The counts; no sum and no extremes.
    pub(super) fn unpack(&self) -> SketchSnapshot {
        let mut sketch = SketchSnapshot::default();
        sketch.count = self.add_to(&mut sketch);
        sketch
    }

    /// Adds the counts of buckets to those of a sketch of the same scale, and says how many values they are.
    pub(super) fn add_to(&self, sketch: &mut SketchSnapshot) -> u64 {
        let mut bytes = self.0.iter().copied();
        let mut count = take(&mut bytes);
        sketch.zero_count += count;
        for side in [&mut sketch.positive, &mut sketch.negative] {
            count += read_side(&mut bytes, side);
        }
        count
    }

    /// Bytes on the heap.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn read_side(bytes: &mut impl Iterator<Item = u8>, side: &mut Buckets) -> u64 {
    let mut total = 0;
    let mut index = 0;
    for _ in 0..take(bytes) {
        let zigzag = take(bytes);
        index += (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        let count = take(bytes);
        side.add(index as i32, count);
        total += count;
    }
    total
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut impl Iterator<Item = u8>) -> u64 {
    let mut number = 0;
    for (at, byte) in bytes.enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Packed;
    use crate::metrics::Sketch;

    proptest! {
        #[test]
        fn what_was_packed_comes_out(values in prop::collection::vec(prop::num::f64::ANY, 0..200), more in 0..1000) {
            let sketch = Sketch::new();
            values.iter().filter(|value| value.is_finite()).for_each(|value| sketch.record(*value));
            (0..more).for_each(|_| sketch.record(1.5));
            let plain = sketch.snapshot();
            let back = Packed::of(&plain).unpack();
            prop_assert_eq!((back.zero_count, back.count), (plain.zero_count, plain.count));
            prop_assert_eq!((back.positive, back.negative), (plain.positive, plain.negative));
        }
    }
}
