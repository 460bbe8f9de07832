"""What serves one request: models of this machine, remote pools, launched servers, plug-ins."""
