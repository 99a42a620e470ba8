"""The cost of an operation, explained: its statements, their plans, its memory, its CPU time."""
