"""Processes that run what a request or code of the user's can make slow, and that end when their time is up.

workers.py     all of them: the pools, and what is seen of them
pool.py        the processes for one extern, or for the functions of the language
worker.py      one process, seen from here: its calls, and how it ends
forkserver.py  the process that all workers are forked from, seen from here
forking.py     the same process, from inside: a small one without threads
serving.py     a worker, from inside
wire.py        how values cross
"""
