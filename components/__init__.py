"""Actors whose behaviour is a WebAssembly component."""
