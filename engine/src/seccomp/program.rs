//! Classic BPF instructions, assembled for seccomp: the few this room emits.
//!
//! `seccompiler` gives the instruction type; its own compiler cannot emit `RET_USER_NOTIF` nor search by bisection, so
//! the program is put together here. Encodings are those of linux/bpf_common.h and linux/seccomp.h.

use seccompiler::sock_filter;

/// Instructions a seccomp filter may have (`BPF_MAXINSNS`).
pub(super) const MAX_INSTRUCTIONS: usize = 4096;

/// `AUDIT_ARCH_*` of the architecture this program was built for.
pub(super) const NATIVE_ARCH: u32 = if cfg!(target_arch = "aarch64") { 0xC000_00B7 } else { 0xC000_003E };

/// Offsets of `struct seccomp_data`, little-endian.
pub(super) const OFFSET_NUMBER: u32 = 0;
pub(super) const OFFSET_ARCH: u32 = 4;
const OFFSET_FIRST_ARGUMENT: u32 = 16;

/// Offset of the low half of an argument.
pub(super) const fn offset_of_argument(position: u8) -> u32 {
    OFFSET_FIRST_ARGUMENT + 8 * position as u32
}

pub(super) const RET_ALLOW: u32 = 0x7fff_0000;
pub(super) const RET_NOTIFY: u32 = 0x7fc0_0000;
const RET_ERRNO: u32 = 0x0005_0000;

pub(super) const LOAD: u16 = 0x20;
pub(super) const JUMP: u16 = 0x05;
pub(super) const JUMP_EQUAL: u16 = 0x15;
pub(super) const JUMP_GREATER: u16 = 0x25;
pub(super) const JUMP_AT_LEAST: u16 = 0x35;
pub(super) const JUMP_ANY_SET: u16 = 0x45;
pub(super) const RETURN: u16 = 0x06;

pub(super) fn load(offset: u32) -> sock_filter {
    sock_filter { code: LOAD, jt: 0, jf: 0, k: offset }
}

pub(super) fn ret(value: u32) -> sock_filter {
    sock_filter { code: RETURN, jt: 0, jf: 0, k: value }
}

pub(super) fn ret_errno(number: i32) -> sock_filter {
    ret(RET_ERRNO | (number.unsigned_abs() & 0xffff))
}

/// Skips `jt` instructions when the accumulator compares true with `k`, `jf` when not.
pub(super) fn branch(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Runs `below` when the accumulator is less than `bound`, otherwise `rest`; any distance is reached.
pub(super) fn split(bound: u32, below: Vec<sock_filter>, rest: Vec<sock_filter>) -> Vec<sock_filter> {
    let mut all = Vec::with_capacity(below.len() + rest.len() + 2);
    match u8::try_from(below.len()) {
        Ok(distance) => all.push(branch(JUMP_AT_LEAST, bound, distance, 0)),
        Err(_) => {
            all.push(branch(JUMP_AT_LEAST, bound, 0, 1));
            all.push(sock_filter { code: JUMP, jt: 0, jf: 0, k: below.len() as u32 });
        }
    }
    all.extend(below);
    all.extend(rest);
    all
}
