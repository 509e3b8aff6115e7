//! Which bucket a value falls into: the arithmetic of the base-2 exponential histogram, exact to the last bit.
//!
//! The obvious way, `(value.log2() * 64).ceil()`, is wrong next to a boundary, because a logarithm rounds. An
//! f64 holds its own logarithm's whole part in the exponent bits, so only the fraction `1 ≤ f < 2` needs work:
//! of the 63 inner boundaries 2^(j/64) all are irrational, so "`f` is above boundary j" is the same as "the
//! mantissa of `f` is above the boundary's mantissa rounded down", a comparison of integers.
//!
//! Boundaries lie at least 1.08 % apart and 1/128 is 0.78 %, so each of the 128 intervals that the top seven mantissa
//! bits name holds one boundary at most. One table entry for each decides with an addition and a shift. A bucket of a
//! lower scale is two neighbours of the next, so one shift more gives the slot at [`SCALE`].

use super::buckets::{FINE_SCALE, SCALE};

/// Buckets in an octave: 2^scale.
pub(super) const BUCKETS_PER_OCTAVE: usize = 1 << SCALE;
const FINE_BUCKETS_PER_OCTAVE: usize = 1 << FINE_SCALE;

/// Slots that the recording side needs for every positive f64, with the lowest at index 0.
pub(super) const SLOTS: usize = 34 * 64 * BUCKETS_PER_OCTAVE;

/// The octave of slot 0 is 2^-1120. That is below the smallest subnormal (2^-1074), and it puts the ends of a
/// 64-octave group on 2^-32 and 2^32, so that durations in seconds do not straddle two groups.
const LOWEST_OCTAVE: i64 = -1120;

const MANTISSA_BITS: u32 = 52;
const MANTISSA_MASK: u64 = (1 << MANTISSA_BITS) - 1;
const EXPONENT_BIAS: i64 = 1023;
const INTERVAL_BITS: u32 = 7;

/// floor(2^(j/64) · 2^52) − 2^52 for j = 0 to 63: the mantissa bits of each boundary, rounded down.
/// The test below derives every one of them anew with whole numbers of 3,400 bits.
const BOUNDARY_MANTISSAS: [u64; FINE_BUCKETS_PER_OCTAVE] = [
    0x0000000000000,
    0x02c9a3e778060,
    0x059b0d3158574,
    0x0874518759bc8,
    0x0b5586cf9890f,
    0x0e3ec32d3d1a2,
    0x11301d0125b50,
    0x1429aaea92ddf,
    0x172b83c7d517a,
    0x1a35beb6fcb75,
    0x1d4873168b9aa,
    0x2063b88628cd6,
    0x2387a6e756238,
    0x26b4565e27cdd,
    0x29e9df51fdee1,
    0x2d285a6e4030b,
    0x306fe0a31b715,
    0x33c08b26416ff,
    0x371a7373aa9ca,
    0x3a7db34e59ff6,
    0x3dea64c123422,
    0x4160a21f72e29,
    0x44e086061892d,
    0x486a2b5c13cd0,
    0x4bfdad5362a27,
    0x4f9b2769d2ca6,
    0x5342b569d4f81,
    0x56f4736b527da,
    0x5ab07dd485429,
    0x5e76f15ad2148,
    0x6247eb03a5584,
    0x6623882552224,
    0x6a09e667f3bcc,
    0x6dfb23c651a2e,
    0x71f75e8ec5f73,
    0x75feb564267c8,
    0x7a11473eb0186,
    0x7e2f336cf4e62,
    0x82589994cce12,
    0x868d99b4492ec,
    0x8ace5422aa0db,
    0x8f1ae99157736,
    0x93737b0cdc5e4,
    0x97d829fde4e4f,
    0x9c49182a3f090,
    0xa0c667b5de564,
    0xa5503b23e255c,
    0xa9e6b5579fdbf,
    0xae89f995ad3ad,
    0xb33a2b84f15fa,
    0xb7f76f2fb5e46,
    0xbcc1e904bc1d2,
    0xc199bdd85529c,
    0xc67f12e57d14b,
    0xcb720dcef9069,
    0xd072d4a07897b,
    0xd5818dcfba487,
    0xda9e603db3285,
    0xdfc97337b9b5e,
    0xe502ee78b3ff6,
    0xea4afa2a490d9,
    0xefa1bee615a27,
    0xf50765b6e4540,
    0xfa7c1819e90d8,
];

/// For each interval: how many boundaries of the octave lie below a mantissa in it, as
/// `(entry + mantissa) >> 52`. The entry is arranged so that the addition carries into bit 52 exactly when the
/// mantissa is above the boundary that lies within the interval.
const BOUNDARIES_BELOW: [u64; 1 << INTERVAL_BITS] = boundaries_below();

const fn boundaries_below() -> [u64; 1 << INTERVAL_BITS] {
    let mut entries = [0; 1 << INTERVAL_BITS];
    let mut boundary = 0;
    let mut interval = 0;
    while interval < entries.len() {
        let end = (interval as u64 + 1) << (MANTISSA_BITS - INTERVAL_BITS);
        let below = boundary as u64;
        entries[interval] = if boundary < FINE_BUCKETS_PER_OCTAVE && BOUNDARY_MANTISSAS[boundary] < end {
            let limit = BOUNDARY_MANTISSAS[boundary];
            boundary += 1;
            ((below + 1) << MANTISSA_BITS) - (limit + 1)
        } else {
            // No boundary here, and a mantissa alone never reaches bit 52.
            below << MANTISSA_BITS
        };
        interval += 1;
    }
    assert!(boundary == FINE_BUCKETS_PER_OCTAVE, "an interval held two boundaries");
    entries
}

/// The slot of `magnitude`, which is positive. Any positive f64, infinity and NaN included, is below [`SLOTS`].
#[inline]
pub(super) fn slot_of(magnitude: f64) -> usize {
    fine_slot_of(magnitude) >> (FINE_SCALE - SCALE)
}

/// The same at [`FINE_SCALE`].
#[inline]
pub(super) fn fine_slot_of(magnitude: f64) -> usize {
    let bits = magnitude.to_bits();
    let biased_exponent = bits >> MANTISSA_BITS;
    if biased_exponent == 0 {
        return slot_of_subnormal(bits);
    }
    slot(biased_exponent as i64 - EXPONENT_BIAS, bits & MANTISSA_MASK)
}

/// The index that the formats on the wire use for a slot of `scale`: bucket k holds (b^k, b^(k+1)], b = 2^(2^-scale).
pub(super) fn bucket_of_slot(slot: usize, scale: i32) -> i32 {
    slot as i32 + ((LOWEST_OCTAVE as i32) << scale)
}

#[cold]
fn slot_of_subnormal(bits: u64) -> usize {
    // The value is bits · 2^-1074. Moving the leading one to bit 52 makes it look like a normal number.
    let leading_bit = bits.ilog2();
    let mantissa = (bits << (MANTISSA_BITS - leading_bit)) & MANTISSA_MASK;
    slot(i64::from(leading_bit) - 1074, mantissa)
}

#[inline]
fn slot(octave: i64, mantissa: u64) -> usize {
    let interval = (mantissa >> (MANTISSA_BITS - INTERVAL_BITS)) as usize;
    let below = (BOUNDARIES_BELOW[interval] + mantissa) >> MANTISSA_BITS;
    // Upper bounds belong to their bucket, so a power of two (no boundary below it) is the octave before's last.
    ((octave - LOWEST_OCTAVE) * FINE_BUCKETS_PER_OCTAVE as i64) as usize + below as usize - 1
}

#[cfg(test)]
#[path = "../../tests/metrics/whole_numbers.rs"]
mod whole_numbers;

#[cfg(test)]
mod tests {
    use super::whole_numbers::boundary;
    use super::{BOUNDARY_MANTISSAS, FINE_SCALE, bucket_of_slot, fine_slot_of};

    #[test]
    fn fine_boundaries_are_exact_to_the_last_bit() {
        for (j, mantissa) in BOUNDARY_MANTISSAS.iter().enumerate() {
            assert_eq!(boundary(j as u32, FINE_SCALE as u32), (1 << 52) | mantissa, "{j}");
            for exponent in [-1022_i32, -33, -1, 0, 1, 1023] {
                let bits = (((exponent + 1023) as u64) << 52) | mantissa;
                let bucket = |bits| bucket_of_slot(fine_slot_of(f64::from_bits(bits)), FINE_SCALE);
                let below = exponent * 64 + j as i32 - 1;
                assert_eq!((bucket(bits), bucket(bits + 1)), (below, below + 1), "2^({exponent} + {j}/64)");
            }
        }
    }
}
