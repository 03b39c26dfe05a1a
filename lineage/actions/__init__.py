"""Every change of the lineage tables: declarations, versions, graph nodes, forgetting people."""

from lineage.actions.datasets import Declaration, register_dataset
from lineage.actions.declarations import declare_namespace, register_family, register_store
from lineage.actions.moves import move_store
from lineage.actions.nodes import register_node
from lineage.actions.people import forget_subjects, let_expired_go, lift_suppression, look_up
from lineage.actions.retirement import hold_families, note_seen_gone, retire_families
from lineage.actions.versions import register_version

__all__ = [
    "Declaration",
    "declare_namespace",
    "forget_subjects",
    "hold_families",
    "let_expired_go",
    "lift_suppression",
    "look_up",
    "move_store",
    "note_seen_gone",
    "register_dataset",
    "register_family",
    "register_node",
    "register_store",
    "register_version",
    "retire_families",
]
