//! Events to terminal, JSON and JUnit.
