//! Starlark to model.
