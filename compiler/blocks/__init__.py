"""Blocks to values: bodies merged, fields checked, objects made; what is said of those that do not fit."""
