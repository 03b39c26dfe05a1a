"""Requests, plans and runs as officers see them, and the buttons they may press."""

from deletion.admin import batches, requests, runs

__all__ = ["batches", "requests", "runs"]
