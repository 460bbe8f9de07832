"""The protocols of clients and providers, both directions, without I/O: a folder for each."""
