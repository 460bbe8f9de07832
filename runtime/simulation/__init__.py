"""Tests and loads, played on a virtual clock: the executor's own code, before providers without sockets."""
