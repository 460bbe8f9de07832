"""One module for each thing that an editor asks for; none knows of another, or of the connection."""
