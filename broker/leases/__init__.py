"""What nodes agree on over the engine's keys: leases, names, and what runs once."""
