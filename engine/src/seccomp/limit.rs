//! How many descriptors this process may have, and those it launches.
//!
//! A worker needs several for every connection it relays and every port it mirrors. The programs it launches keep the
//! limit they would have had: some walk through all numbers below it.

use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The limits of before, soft and hard; a process has one limit, whoever asks.
static BEFORE: OnceLock<(u64, u64)> = OnceLock::new();

/// Lets this process have as many descriptors as the system lets it. Programs launched later keep the limit of before.
pub fn raise_descriptor_limit() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft < hard && BEFORE.set((soft, hard)).is_ok() {
        // Refused, it stays as it is.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// What launched programs must have set; `None` when they inherit the right limit.
pub(super) fn of_programs() -> Option<libc::rlimit> {
    BEFORE.get().map(|&(soft, hard)| libc::rlimit { rlim_cur: soft, rlim_max: hard })
}
