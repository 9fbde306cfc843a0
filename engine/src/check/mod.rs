//! Findings that need the whole model; one file per diagnostic code.
