//! Dispatcher, workers and the bridge from Starlark to the world.
