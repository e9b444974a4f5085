"""Publish and subscribe between actors."""
