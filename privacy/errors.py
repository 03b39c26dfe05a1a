"""Why the privacy app says no. Each class has an HTTP status in `config.api_errors`."""


class MoveNotAllowed(Exception):
    """The release is in a state from which this step cannot be taken."""


class RecipeInvalid(Exception):
    """The recipe asks for something outside the closed list, or for bounds learned from the data."""


class RecipeUnknown(Exception):
    """No recipe of that name and revision is registered."""


class BudgetSpent(Exception):
    """The account cannot pay for this release; nothing was drawn."""


class AccountUnknown(Exception):
    """The dataset family has no privacy account, so nothing can be charged to it."""


class PolicyConflict(Exception):
    """A shielding policy of that name exists already; a new one gets a new name."""
