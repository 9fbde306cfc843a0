//! Editor answers as plain data, one file each.
//!
//! Every answer is made from a [`Snapshot`]: a file as it stands, the files around it, and what the last evaluation
//! declared. None can fail, none looks further than the snapshot, and all work on broken text.

mod call_site;
mod callable;
mod declarations;
pub mod definition;
pub mod folding;
mod fuzzy;
pub mod highlights;
mod infer;
mod mentions;
pub mod outline;
pub mod references;
pub mod relevance;
pub mod rename;
pub mod selection;
mod service_shape;
pub mod signature;
pub mod snapshot;
pub mod symbols;
pub mod tokens;
mod value;

#[cfg(test)]
mod fixture;

pub use outline::Outline;
pub use relevance::is_faultbox;
pub use snapshot::{FileView, Location, Snapshot};
