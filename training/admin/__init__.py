"""Models, their versions, trainings and stops as people look at them, and the stop switch."""

from training.admin import attestations, declared, stops, trainings, versions

__all__ = ["attestations", "declared", "stops", "trainings", "versions"]
