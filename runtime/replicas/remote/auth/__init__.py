"""How requests to a provider show who sends them: keys, signatures, and tokens that end."""
