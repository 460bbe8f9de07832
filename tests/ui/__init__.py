"""The page of the gateway in a real browser: `make ui`."""
