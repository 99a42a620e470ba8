"""A commit's environment: its creation, its packages, and the processes that run in it."""
