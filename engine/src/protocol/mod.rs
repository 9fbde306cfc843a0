//! One folder per protocol, with the same file names in each.
