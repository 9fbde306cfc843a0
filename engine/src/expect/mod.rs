//! Judging a leaf: what the body's end means, whether the faults acted, and the explanation a newcomer can read.

mod course;
mod judge;

pub use course::{Course, FiredRule, StepRecord};
pub use judge::{Demand, judge};
