"""Others' suites, run direct and through the relay."""
