"""Secrets that stand in a file or in a finding, found by how they look and by what they are called."""
