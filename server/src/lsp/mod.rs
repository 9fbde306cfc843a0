//! The language server: a thin face over `faultbox_engine::ide` and `faultbox test`.
//!
//! A message is read by `transport` and goes through `backend` into the mailbox of `main_loop`, whose one thread owns every document (`owner`,
//! `orders`). Questions are answered by `requests` from a copy of the world (`state`) on the threads of `pool`. Specs are
//! evaluated in a child (`checker`, `check_child`) and run in children (`run_child`, `runs`); nothing of the user's
//! runs in this process. Specs that nobody has opened are found by `workspace`, told apart by `neighbours` and read by
//! `disk`; `around` holds them while an answer is made. `findings` merges what is known about each file. Only this module
//! names LSP types.

mod about;
mod around;
mod backend;
mod capabilities;
mod check_child;
mod checker;
mod disk;
mod document;
mod ext;
mod findings;
mod from_proto;
mod main_loop;
mod neighbours;
mod orders;
mod outbox;
mod owner;
mod pool;
mod position;
mod progress;
mod recent;
mod requests;
mod results;
mod run_child;
mod runs;
mod serve;
mod settings;
mod state;
mod statics;
mod to_proto;
mod transport;
mod wire;
mod workspace;

pub(crate) use check_child::main as check_child;
pub(crate) use serve::serve;
