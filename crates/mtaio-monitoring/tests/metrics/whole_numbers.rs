//! The boundaries of buckets, derived with whole numbers alone.

/// The largest whole number whose n-th power, n = 2^scale, does not exceed 2^(j + 52·n): floor(2^(j/n) · 2^52).
pub(super) fn boundary(j: u32, scale: u32) -> u64 {
    let goal = (j + (52 << scale)) as usize;
    let (mut low, mut high) = (1_u64 << 52, 1_u64 << 53);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        // A power of two is not exceeded when there are no more bits than its own, or when it is met.
        let power = squared(middle, scale);
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

fn squared(base: u64, times: u32) -> Vec<u64> {
    let mut power = vec![base];
    for _ in 0..times {
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
