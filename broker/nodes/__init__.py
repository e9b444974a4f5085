"""One system among several: who the others are, and what their actors do to each other."""
