//! Syscall interception through seccomp user notification.
