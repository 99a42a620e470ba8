"""What measures: one module of scenarios a domain; what they share stands in `harness`.

asv takes these files from the working tree, whatever commit it measures. They know of a commit's
data layer only the names of its operations, and an operation a commit lacks is n/a there.
"""
