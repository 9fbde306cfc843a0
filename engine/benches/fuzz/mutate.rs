//! Inputs and how they change: flips, splices, words of the protocol, repeats, new turns of a conversation.

use faultbox_engine::proxy::Direction;

/// What a target reads: who said what. Targets of plain text read the turns one after the other.
pub(crate) type Input = Vec<(Direction, Vec<u8>)>;

/// Longest input; what is quadratic shows well below it.
const MAX_BYTES: usize = 12 * 1024;

/// xorshift64* (Vigna, 2016): the same inputs on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `bound`; 0 when that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
    }

    pub(crate) fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }

    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len + 1);
        start..start + self.below((len - start).min(64) + 1)
    }
}

/// A changed copy of one of `corpus`.
pub(crate) fn mutate(random: &mut Random, corpus: &[Input], words: &[&[u8]]) -> Input {
    let mut input = random.pick(corpus).clone();
    for _ in 0..=random.below(4) {
        change(random, &mut input, corpus, words);
    }
    let mut room = MAX_BYTES;
    for (_, bytes) in &mut input {
        bytes.truncate(room);
        room -= bytes.len();
    }
    input.retain(|(_, bytes)| !bytes.is_empty());
    input
}

fn change(random: &mut Random, input: &mut Input, corpus: &[Input], words: &[&[u8]]) {
    if input.is_empty() {
        input.clone_from(random.pick(corpus));
        return;
    }
    let turn = random.below(input.len());
    match random.below(12) {
        0 => drop(input.remove(turn)),
        1 => input[turn].0 = if random.below(2) == 0 { Direction::ToServer } else { Direction::ToClient },
        2 => {
            let other = random.pick(corpus);
            let from = random.below(other.len());
            input.splice(turn.., other[from..].iter().cloned());
        }
        3 => {
            let copy = input[turn].clone();
            input.insert(turn, copy);
        }
        _ => change_bytes(random, &mut input[turn].1, corpus, words),
    }
}

fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>, corpus: &[Input], words: &[&[u8]]) {
    let at = random.below(bytes.len() + 1);
    let range = random.range(bytes.len());
    match random.below(9) {
        0 => drop(bytes.drain(range)),
        1 => {
            let byte = random.next() as u8;
            bytes.insert(at, byte);
        }
        2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        3 if at < bytes.len() => bytes[at] = *random.pick(b"\0\x01\x7f\x80\xff\r\n\t :;,0-9$*>|%\"'\\"),
        4 | 5 => drop(bytes.splice(at..at, random.pick(words).iter().copied())),
        6 => drop(bytes.splice(range, random.pick(words).iter().copied())),
        7 => {
            let part: Vec<u8> = bytes[range].repeat(1 + random.below(40));
            bytes.splice(at..at, part);
        }
        _ => {
            let other = random.pick(corpus);
            let Some((_, other)) = other.get(random.below(other.len())) else { return };
            let part = other[random.range(other.len())].to_vec();
            bytes.splice(range, part);
        }
    }
}

/// Leaves away what the failure does not need, for as long as `fails` says that it is still one.
pub(crate) fn shrink(mut input: Input, fails: impl Fn(&Input) -> bool) -> Input {
    let mut size = 512;
    while size > 0 {
        for turn in (0..input.len()).rev() {
            let mut at = 0;
            while at < input[turn].1.len() {
                let mut less = input.clone();
                let end = (at + size).min(less[turn].1.len());
                less[turn].1.drain(at..end);
                if fails(&less) {
                    input = less;
                } else {
                    at += size;
                }
            }
        }
        size /= 2;
    }
    input.retain(|(_, bytes)| !bytes.is_empty());
    input
}
