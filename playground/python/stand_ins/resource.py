"""What is imported of the limits of processes, which a browser does not have."""


def getpagesize() -> int:
    """Bytes of a page of memory."""
    return 65_536
