//! Bucket boundaries against whole numbers.

use super::bucket_of;
use super::whole_numbers::boundary;

#[test]
fn boundaries_are_exact_to_the_last_bit() {
    assert_eq!(boundary(0, 5), 1 << 52);
    for j in 0..32_u32 {
        let mantissa = boundary(j, 5) & ((1 << 52) - 1);
        for exponent in [-1022_i32, -33, -32, -1, 0, 1, 31, 32, 1023] {
            let bits = (((exponent + 1023) as u64) << 52) | mantissa;
            let below = exponent * 32 + j as i32 - 1;
            // The largest f64 that is not above the boundary, and the smallest that is.
            assert_eq!(bucket_of(f64::from_bits(bits)), below, "2^({exponent} + {j}/32)");
            assert_eq!(bucket_of(f64::from_bits(bits + 1)), below + 1, "2^({exponent} + {j}/32), next");
        }
    }
}

#[test]
fn boundaries_of_subnormals_are_exact() {
    for power in -1074..=-1022 {
        let value = f64::from(power).exp2();
        assert_eq!(bucket_of(value), power * 32 - 1);
        assert!(bucket_of(f64::from_bits(value.to_bits() + 1)) >= power * 32);
    }
    // A subnormal is n · 2^-1074, and its bucket is that of n, 1074 octaves down.
    for n in 1..=5_000_u32 {
        assert_eq!(bucket_of(f64::from_bits(n.into())), bucket_of(n.into()) - 1074 * 32, "{n}");
    }
}

#[test]
fn buckets_ascend_with_values_over_the_whole_range() {
    let mut previous = i32::MIN;
    let mut bits = 1_u64;
    while bits < f64::INFINITY.to_bits() {
        let bucket = bucket_of(f64::from_bits(bits));
        assert!(bucket >= previous);
        previous = bucket;
        bits += bits / 100_000 + (1 << 43);
    }
    assert_eq!(bucket_of(f64::MAX), 1024 * 32 - 1);
}
