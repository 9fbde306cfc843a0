//! The error-tolerant syntax tree and cursor context.
