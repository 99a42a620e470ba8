"""Load tests: simulated users, driven by Locust, each wait counted (extra `load`).

Only `users` and `events` import Locust. It changes the standard library when it is imported, so no
benchmark may import them.
"""

EXCEEDED = 7
"""The exit code of a load test's process if a limit was exceeded. Python's own is 1 for errors."""
