"""Secrets of a plan: read when it starts and when their source changes, never shown."""
