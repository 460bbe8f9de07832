"""Tests in files: checked here, played by `runtime/simulation/`."""
