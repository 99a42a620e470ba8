"""The cost of an operation, explained: its statements, their plans, its memory, its CPU time."""

BY_GET = ", by get"
EXPIRED = ", expired"
DEFERRED = ", further columns"
"""The ends of the names of classes whose objects are loaded one by one: by `Session.get`, again
after they expired, or columns of them that were deferred."""
