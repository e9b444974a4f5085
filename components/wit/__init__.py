"""The contract between host and guest, as .wit files."""
