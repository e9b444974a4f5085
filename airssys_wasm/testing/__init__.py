"""What tests need: a simulated platform with virtual time."""
