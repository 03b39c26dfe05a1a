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


class StatementMalformed(Exception):
    """Only an in-toto Statement v1 with at least one subject is signed."""


class BundleInvalid(Exception):
    """The bundle does not prove what it says; the message names the first check that failed."""


class AlertUnknown(Exception):
    """There is no such open alert."""
