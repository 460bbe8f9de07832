"""Typed graphs of steps, run as their values come."""
