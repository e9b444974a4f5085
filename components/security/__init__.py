"""What a component may do: deny by default."""
