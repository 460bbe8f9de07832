"""Who calls, and whether they are let in: tokens, keys, JSON Web Tokens, certificates, browsers."""
