//! Where a leaf runs: Linux namespaces, overlays, reaping, and what of it this host allows.
//!
//! - [`enter`] turns a single-threaded process into two: the outer one, which waits and passes on the exit status, and
//!   PID 1 of a fresh sandbox, which holds a [`Sandbox`].
//! - [`lifeline`] ends the process when the other end of a pipe is gone; that and the kernel's own ties are why nothing
//!   of a leaf survives a `kill -9` of anyone.
//! - [`NetNs`] is a network namespace and a way to act inside it for a moment.
//! - [`Reaper`] is the one place where children are waited for; a [`Child`] learns its exit status from it.
//!   Which orphans belong to which child is found out in `descent`.
//! - [`orphans`] is what stands in for the PID namespace where there is none.
//! - [`capability::probe`] says what this host allows and what to do about the rest.

pub mod capability;
mod death;
mod descent;
mod hosts;
mod keep;
mod mounts;
mod names;
mod namespaces;
mod netns;
pub mod orphans;
mod overlay;
mod reap;
mod sys;

pub use capability::{Capabilities, Isolation, Support};
pub use death::lifeline;
pub use hosts::NO_DOMAIN;
pub use keep::{Keep, Kept};
pub use names::Names;
pub use namespaces::{Config, Sandbox, SandboxError, Side, Step, enter};
pub use netns::NetNs;
pub use overlay::{NotOverlaid, Overlay};
pub use reap::{Child, End, Reaper};
