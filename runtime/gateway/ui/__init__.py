"""The page at `/ui`: what is served, and how it is, as people look at it."""
