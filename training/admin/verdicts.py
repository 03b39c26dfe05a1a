"""What gates said about data, as the pages of runs and versions show it."""

from django.utils.safestring import SafeString

from audits.pages.cells import Tone, badge, prose
from audits.pages.sections import Table, shown
from training.models import GateVerdict, TrainingRun


def verdicts_table(run: TrainingRun) -> Table:
    """Return what each gate said, those that refused first."""
    rows = sorted(run.verdicts.all(), key=lambda row: (row.passed, row.pk))
    by = f"declaration {run.gates.number} of the training set" if run.gates else "the usual rules"
    return Table(
        title="Gates",
        note=f"What the data had to be before anything was fitted, by {by}.",
        headers=["Gate", "Verdict", "Reason", "Measured"],
        rows=[_verdict(row) for row in rows],
        empty="The gates have not looked at the data yet.",
    )


def _verdict(row: GateVerdict) -> list[str | SafeString]:
    return [
        row.gate,
        badge("passed", Tone.GOOD) if row.passed else badge("refused", Tone.BAD),
        prose(row.reason),
        prose(str(shown(row.measured))),
    ]
