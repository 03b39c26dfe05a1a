"""Why the audits app says no. Each class has an HTTP status in `config.api_errors`."""


class UnrecordedChange(Exception):
    """An action finished without recording anything in the audit trail."""


class NotSealedYet(Exception):
    """The fact is recorded but no checkpoint covers it yet; ask again in a few seconds."""


class BundleInvalid(Exception):
    """The bundle does not prove what it says; the message names the first check that failed."""
