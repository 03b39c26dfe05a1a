"""The demo: real patients leave a real training set and real models, by the running service."""
