"""What reads results: pages of the site and, around asv's own commands, what they lack.

It imports asv, and neither `fixtures` nor `benchmarks` imports it.
"""
