"""The functions that a component may import, a module for each WIT interface."""
