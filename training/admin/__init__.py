"""Models, their versions, trainings, gates and stops as people see them, and the stop switch."""

from training.admin import attestations, declared, gates, stops, trainings, versions

__all__ = ["attestations", "declared", "gates", "stops", "trainings", "versions"]
