"""Functions that commands call in a commit's environment, each call in a process of its own."""
