//! A run: the dispatcher starts one worker process per leaf, a worker makes its sandbox, starts the services, performs
//! the test and judges it. This is the only bridge between the pure rooms and the effects.
//!
//! | file | duty |
//! |---|---|
//! | `dispatcher` | plan to workers, in parallel; orders events, cancels |
//! | `spawn` | a worker process with its pipes |
//! | `wire` | what dispatcher and worker say to each other |
//! | `worker` | one worker process: sandbox, lifeline, then one leaf |
//! | `leaf` | services up, faults in, body, verdict, services down |
//! | `services` | the processes of a leaf and their order |
//! | `supervision` | which calls of a service are stopped on, and who answers |
//! | `network` | namespaces and the relays between them |
//! | `ahead` | sockets made before a relay needs them |
//! | `mirrors` | mirrors of TCP ports |
//! | `datagrams` | mirrors of UDP ports |
//! | `sockets` | calls on sockets that work across namespaces |
//! | `callers` | which step a connection through a relay belongs to |
//! | `resolver` | DNS inside a leaf |
//! | `detour` | the fallback where namespaces are refused |
//! | `exits` | services that end unasked |
//! | `interception` | syscalls as operations, for the rules |
//! | `unready` | why a service did not become ready |
//! | `unfaulted` | calls that cannot be faulted, for the evidence |
//! | `faults` | the rules of the leaf and their evidence |
//! | `stage`, `steps` | what a body asks for while it runs |
//! | `verdict` | from a body's end to a result |
//! | `recorder` | facts to the dispatcher |

mod ahead;
mod callers;
mod cancel;
mod datagrams;
mod detour;
mod dispatcher;
mod exits;
mod faults;
mod interception;
mod leaf;
mod mirrors;
mod network;
mod readiness;
mod recorder;
mod reports;
pub mod resolver;
mod services;
mod sockets;
mod spawn;
mod stage;
mod steps;
mod supervision;
mod unfaulted;
mod unready;
mod verdict;
mod wire;
mod worker;

pub use cancel::Cancel;
pub use dispatcher::{LoadedSpec, RunConfig, RunError, RunSummary, dispatch, kept_clashes, load};
pub use wire::Isolation;
pub use worker::worker_main;
