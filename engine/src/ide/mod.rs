//! Editor answers as plain data, one file each.
//!
//! Every answer is made from a [`Snapshot`]: a file as it stands, the files around it, and what the last evaluation
//! declared. None can fail, none looks further than the snapshot and the recipes that come with the program, and all work
//! on broken text. Only [`kin`] reads files: it says which of them are ours to judge.

pub mod actions;
mod agreement;
mod branches;
mod call_site;
mod callable;
mod called;
pub mod calls;
pub mod completion;
mod declarations;
pub mod definition;
mod domains;
pub mod findings;
pub mod folding;
mod fuzzy;
pub mod highlights;
pub mod hover;
mod infer;
pub mod inlay;
mod keywords;
pub mod kin;
pub mod lens;
mod loads;
pub mod manual;
pub mod matrix;
mod mentions;
pub mod outline;
mod passing;
mod recipes;
pub mod references;
pub mod relevance;
pub mod rename;
pub mod results;
pub mod selection;
mod service_shape;
pub mod signature;
pub mod snapshot;
mod snippets;
mod standard;
pub mod static_check;
pub mod symbols;
pub mod test_items;
pub mod tokens;
mod value;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod typing_tests;

pub use outline::Outline;
pub use relevance::{is_faultbox, is_foreign, plain_loads};
pub use snapshot::{FileView, Location, Snapshot};
