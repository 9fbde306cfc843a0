//! The protocol-neutral relay.
