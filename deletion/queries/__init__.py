"""Reads of the deletion tables, by what they serve: planning, the work, and people who look."""
