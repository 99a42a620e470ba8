"""The comparison of two commits: its model, the measuring, the causes, and the output."""
