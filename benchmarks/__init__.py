"""Scenarios: one module a subject, one class an operation.

asv takes these files from the working tree, whatever commit it measures. They know only the names
of the operations in a commit's data layer. An operation that a commit lacks is n/a there.
"""
