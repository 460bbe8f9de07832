"""One module for each system whose files are read."""
