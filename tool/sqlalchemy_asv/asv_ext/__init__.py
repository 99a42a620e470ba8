"""The connection to asv: its commands, settings and results, this machine, and releases."""
