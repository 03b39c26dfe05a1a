"""The data plane: plain Python, no Django. One adapter a file behind the protocol of `protocol.py`."""
