"""Key-value state that survives restarts, a module for each backend."""
