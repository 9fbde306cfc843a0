//! From a spec to what will run: tests times repeats to leaves, which of them, and what each needs.
//!
//! Pure: `faultbox plan`, lenses and the test tree show exactly what a run would do.

mod expand;
mod foresee;
mod needs;
mod placement;
mod select;

pub use expand::{LeafPlan, Plan, Selection, expand};
pub use foresee::Foresight;
pub use needs::{Needs, needs};
pub use placement::{HOME, Namespace, Placement, place, together};
pub use select::{NoMatch, select};
