"""Who runs when, and with whom: jobs wait here, share a batch, and get their own rows back."""
