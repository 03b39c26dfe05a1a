"""The memory that cannot be edited: what happened, in which order, and who did it.

Owns the words *trail*, *leaf*, *checkpoint*, *statement* (a signed claim), *bundle* (what an
auditor carries away), *report*, *alert* and *role*. Everybody records, so this app knows nobody: it
never reads another app's tables, and a report is a projection of the trail.
"""
