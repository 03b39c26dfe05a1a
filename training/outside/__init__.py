"""Trainers that are no code of ours: what they are told, what they must answer, how they are run.

Plain Python, no Django. An outside trainer gets the rows to learn from, and nobody's identifier; it
returns bytes that nobody here reads, the digests of what it read, and later its predictions.
"""
