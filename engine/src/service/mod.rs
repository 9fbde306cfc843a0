//! Processes under test: how they start, when they are ready, what they print, how they end.

pub mod health;
pub mod output;
pub mod ports;
pub mod process;
pub mod teardown;
