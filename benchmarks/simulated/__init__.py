"""A year of requests that never happened, on which policies are compared."""
