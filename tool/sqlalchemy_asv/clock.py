"""The clock of measurements, taken before anything of an application is imported."""

import functools
import time

seconds = functools.partial(time.perf_counter)
"""Seconds of a clock. Libraries that freeze time replace `time.perf_counter` in every module that
has it as an attribute. This is another object."""
processor = functools.partial(time.process_time_ns)
"""Nanoseconds that the processor has worked for this process. A busy machine does not change it."""
