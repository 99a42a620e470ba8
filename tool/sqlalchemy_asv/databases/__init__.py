"""The databases that scenarios run on: filled once, restored for every sample."""
