"""Processes, forks and jobs in which counts repeat, and the channel of their results."""
