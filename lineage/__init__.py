"""Where people's records are and what was made from them.

Owns the words *subject*, *identifier*, *namespace*, *pseudonym*, *suppression list*, *store*,
*dataset family* and *version*, *membership*, *shard*, and the graph of nodes and edges through
which a subject *taints* a model version. It holds no policy: it answers where somebody is, not what
to do about it.
"""
