//! Editor answers as plain data, one file each.

pub mod outline;

pub use outline::Outline;
