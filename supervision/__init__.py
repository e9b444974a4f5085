"""What happens when an actor dies."""
