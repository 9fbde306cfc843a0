//! What a spec says, as plain data.

pub mod errno;
pub mod syscall;
