"""Pictures of a tree file: what is to be seen, and as SVG and DOT."""
