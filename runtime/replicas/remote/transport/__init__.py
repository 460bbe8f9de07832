"""The way to a provider: clients of HTTP, their connections, proxies, certificates, and what fails there."""
