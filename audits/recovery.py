"""What a recovery of the trail says: how much a restored database lost. Pure."""

from dataclasses import dataclass

from audits.notes import TreeHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What was sealed after the backup, as far as anything outside the database tells."""

    witnessed: TreeHead  # the old trail's newest head
    kept: TreeHead  # what the database holds; its origin is the name it was sealed under
    requests: tuple[str, ...] = ()  # those that an export tells lost facts about
    told_up_to: int = 0  # how far that export goes

    @property
    def facts(self) -> int:
        """How many sealed facts are gone, at the least: what was not sealed nobody counted."""
        return max(0, self.witnessed.size - self.kept.size)

    @property
    def is_known(self) -> bool:
        """Say whether an export covered everything that is lost."""
        return self.told_up_to >= self.witnessed.size
