//! Seeded chance: a draw depends on the seed, the rule and the occurrence, and on nothing else.

use std::hash::{Hash, Hasher};

/// A number in `0.0..1.0` for one occurrence of one rule. Adding a rule or another thread's timing never moves
/// another rule's draws.
pub fn draw(seed: u64, rule_key: u64, occurrence: u64) -> f64 {
    let mixed = split_mix(split_mix(split_mix(seed) ^ rule_key) ^ occurrence);
    // The upper 53 bits fill the mantissa evenly.
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number for a rule's text that is the same on every machine and in every version.
pub(super) fn rule_key(text: &str) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    text.hash(&mut hasher);
    hasher.finish()
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood, 2014): every input bit changes half of the output bits.
fn split_mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a, because the standard hasher promises no stable result.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_repeatable() {
        let key = rule_key("api[0]");
        let below = (0..10_000).filter(|&n| draw(0, key, n) < 0.3).count();
        assert!((2_800..3_200).contains(&below), "{below} of 10000 below 0.3");
        assert_eq!(draw(7, key, 3).to_bits(), draw(7, key, 3).to_bits());
        assert_ne!(draw(7, key, 3).to_bits(), draw(8, key, 3).to_bits());
        assert_ne!(draw(7, key, 3).to_bits(), draw(7, rule_key("api[1]"), 3).to_bits());
    }
}
