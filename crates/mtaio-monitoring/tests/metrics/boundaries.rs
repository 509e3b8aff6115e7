//! Bucket boundaries against whole numbers.

use super::bucket_of;

#[test]
fn boundaries_are_exact_to_the_last_bit() {
    assert_eq!(boundary(0), 1 << 52);
    for j in 0..32_u32 {
        let mantissa = boundary(j) & ((1 << 52) - 1);
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

/// The largest whole number whose 32nd power does not exceed 2^(j + 52·32), which is floor(2^(j/32) · 2^52).
fn boundary(j: u32) -> u64 {
    let goal = (j + 52 * 32) as usize;
    let (mut low, mut high) = (1_u64 << 52, 1_u64 << 53);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        // A power of two is not exceeded when there are no more bits than its own, or when it is met.
        let power = thirty_second_power(middle);
        let bits = bit_length(&power);
        let is_power_of_two = power.iter().map(|limb| limb.count_ones()).sum::<u32>() == 1;
        if bits <= goal || (bits == goal + 1 && is_power_of_two) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

fn thirty_second_power(base: u64) -> Vec<u64> {
    let mut power = vec![base];
    for _ in 0..5 {
        let mut square = vec![0_u64; power.len() * 2];
        for (i, a) in power.iter().enumerate() {
            let mut carry = 0_u128;
            for (j, b) in power.iter().enumerate() {
                let sum = u128::from(*a) * u128::from(*b) + u128::from(square[i + j]) + carry;
                square[i + j] = sum as u64;
                carry = sum >> 64;
            }
            square[i + power.len()] = carry as u64;
        }
        power = square;
    }
    power
}

fn bit_length(limbs: &[u64]) -> usize {
    let top = limbs.iter().rposition(|limb| *limb != 0).unwrap();
    top * 64 + 64 - limbs[top].leading_zeros() as usize
}
