"""What clients send: the headers and the body of a request, read within bounds."""
