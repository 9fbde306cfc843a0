//! Syscall interception through seccomp user notification (seccomp_unotify(2)).
//!
//! How the pieces are used, in order, by the service room:
//!
//! 1. [`Subscription::new`] takes the calls the evaluated rules of one service need; no calls, no filter.
//! 2. [`Filter::new`] turns it into BPF. Pure, tested against an interpreter.
//! 3. [`launch`] starts the process with the filter installed as the last act before exec and returns [`Launched`]: its
//!    process, and the [`Listener`] its intercepted calls arrive on.
//! 4. [`Supervisor::start`] answers them on one thread, asking a [`Judge`] for an [`Answer`] each time. The judge sees a
//!    [`SyscallView`] that reads paths and addresses of the target only when asked.
//! 5. Teardown: [`Supervisor::release`] (delayed calls continue at once), kill the targets, [`Supervisor::join`].
//!
//! Deciding is not done here: a judge is the `rules` room behind a small adapter. All `unsafe` is in `sys`.

mod attend;
mod batch;
mod capability;
mod delay;
mod delivery;
mod filter;
mod foreign;
mod interrupted;
mod judge;
mod limit;
mod memory;
mod notify;
mod path;
mod pre_exec;
mod program;
mod program_file;
pub mod signals;
mod socket;
mod spawn;
mod subscription;
mod supervisor;
mod sys;
#[cfg(test)]
mod tests;
mod view;

pub use batch::{Queued, QueuedKind};
pub use capability::{SeccompSupport, probe};
pub use filter::Filter;
pub use judge::{Answer, Judge, Reply};
pub use limit::raise_descriptor_limit;
pub use memory::Address;
pub use notify::Listener;
pub use path::Resolution;
pub use program_file::interpreter;
pub use socket::Carried;
pub use spawn::{Launch, LaunchError, Launched, launch};
pub use subscription::{SocketCalls, Subscription, SubscriptionError};
pub use supervisor::{Supervisor, SupervisorCounts};
pub use view::SyscallView;
