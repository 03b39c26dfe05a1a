"""Anonymised inputs: what may be said about people together without saying it about one of them.

Owns the words *recipe*, *mechanism*, *account* and *ledger* (integer nano-rho, debited before noise
is drawn), *release* (one draw), and the *shielding policy* that says when a model behind a release
need not be retrained at once. OpenDP draws the noise; only `mechanisms` imports it.
"""
