//! Processes under test: how they start, when they are ready, what they read and print, how they end.

pub mod excerpt;
pub mod health;
pub mod input;
pub mod output;
pub mod ports;
pub mod process;
pub mod teardown;
