//! Real servers behind a real relay: what clients see is what they see without it, and what a rule does is what the
//! server itself would have done.

mod postgres;
mod recipes;
mod redis;
mod redis_keys;
mod setting;
mod tls;
