//! Judging a leaf.
