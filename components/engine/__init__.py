"""Running WebAssembly: the world, values, limits, traps, and two ways to call a guest."""
