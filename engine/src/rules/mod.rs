//! Which rule acts on an operation, and the evidence it leaves.
