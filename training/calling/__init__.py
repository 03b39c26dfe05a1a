"""Calls to those outside: where they may lead, how long they may take, how they are signed.

Plain Python, no Django; for whoever is told of something, and for trainers that are services.
"""
