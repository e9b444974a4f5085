"""What things cost: one module for each group of numbers. `python -m benchmarks --help`."""
