//! What a spec says, as plain data.
