//! Which rule acts on an operation, and the evidence it leaves.
//!
//! One sentence holds for every protocol and for syscalls: rules are tried in the order written (the newest
//! installation first); every matching delay adds up; the first matching terminal rule is applied and ends the search.
//!
//! [`RuleSet::decide`] is pure but for counters: the caller carries out the [`Decision`].

mod active;
mod chance;
mod evidence;
mod index;
mod operation;
mod ruleset;
mod syscalls;
#[cfg(test)]
mod counting;
#[cfg(test)]
mod tests;

pub use active::ActiveRule;
pub use chance::draw;
pub use operation::{Operation, OwnedMessage};
pub use ruleset::{Decision, Installed, RuleSet, Unseen};
pub use syscalls::{OwnedCall, OwnedFile, SyscallFile, SyscallPeer, Unreadable};
