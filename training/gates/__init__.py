"""Looks at training data before anything is fitted, and says no with a reason.

Pure. Each gate returns a verdict, also when it is content, so that a run shows what was looked at.
"""

from training.gates.declaring import parse
from training.gates.judging import judge_people
from training.gates.rules import USUAL, Rules, Thresholds
from training.gates.verdicts import Gate, Verdict, refused

__all__ = [
    "USUAL",
    "Gate",
    "Rules",
    "Thresholds",
    "Verdict",
    "judge_people",
    "parse",
    "refused",
]
