"""Clients that others wrote, as they come from the package index; `make clients` runs these."""
