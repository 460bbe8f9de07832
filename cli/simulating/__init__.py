"""What `inferc simulate` reads, compares and shows."""
