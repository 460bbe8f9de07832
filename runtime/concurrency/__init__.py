"""Waiting and being called: the event loop, tasks that someone owns, time limits, queues of waiters."""
