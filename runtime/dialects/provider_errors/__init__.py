"""From a provider's error to ours: its status, its codes, and how long it asks to wait."""
