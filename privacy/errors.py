"""Why the privacy app says no. Each class has an HTTP status in `config.api_errors`."""


class MoveNotAllowed(Exception):
    """The release is in a state from which this step cannot be taken."""


class RecipeInvalid(Exception):
    """The recipe asks for something outside the closed list; the message names the field."""


class RecipeUnknown(Exception):
    """No recipe of that name and revision is registered."""


class BudgetSpent(Exception):
    """The account cannot pay for this release; nothing was drawn."""


class AccountUnknown(Exception):
    """The dataset family has no privacy account, so nothing can be charged to it."""


class AccountConflict(Exception):
    """The dataset family has an account already, for another unit or with another cap."""


class SourceNotClear(Exception):
    """The dataset version is quarantined or superseded, or none is registered: nothing is drawn."""


class ReleaseUnknown(Exception):
    """No release of that number exists, or it has not been committed."""


class ValueMissing(Exception):
    """A value column has empty cells and the recipe names no public value for them.

    A refusal that depends on the records is an answer about them, so the draw stays charged.
    """


class PolicyInvalid(Exception):
    """A shielding policy bounds epsilon, delta and people, has a reason, and ends in the future."""


class PolicyConflict(Exception):
    """A shielding policy of that name exists already; a new one gets a new name."""
