"""The values that steps compute with: read, measured, converted and written."""
