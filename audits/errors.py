"""Why the audits app says no. Each class has an HTTP status in `config.api_errors`."""


class UnrecordedChange(Exception):
    """An action finished without recording anything in the audit trail."""


class EntryTooLong(Exception):
    """A fact is longer than one entry of the trail can be (65,535 bytes)."""


class NotSealedYet(Exception):
    """The fact is recorded but no checkpoint covers it yet; ask again in a few seconds."""


class FactUnknown(Exception):
    """The trail holds no such fact about this thing."""


class TrailDamaged(Exception):
    """The stored trail contradicts itself; nothing more is signed until a person has looked."""


class TrailRestored(Exception):
    """The database lacks facts that the witness has seen: it came back from a backup.

    Nothing is sealed or certified until it is recovered: docs/how-to/restore-from-backup.md.
    """


class WitnessUnreadable(Exception):
    """The witnessed checkpoint cannot be read or written, so nothing is sealed meanwhile."""


class NothingToRecover(Exception):
    """The database holds everything that was witnessed of its trail."""


class OriginNotNew(Exception):
    """A recovered trail goes on under a new name, or two histories would bear the same one.

    Set TRAIL_ORIGIN to a name that was never used, such as one with the next number, and try again.
    """


class RecoveryNeedsTwo(Exception):
    """A trail is recovered by two people: two active accounts of officers or administrators."""


class StatementMalformed(Exception):
    """Only an in-toto Statement v1 with at least one subject is signed."""


class BundleInvalid(Exception):
    """The bundle does not prove what it says; the message names the first check that failed."""


class AlertUnknown(Exception):
    """There is no such open alert."""
