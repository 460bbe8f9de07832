"""Keys made for people: in a file beside the one that is served, or on a Redis server."""
