"""HTTP/1.1 as this process serves it: connections, their rules and their heads, on aiohttp's server."""
