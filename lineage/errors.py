"""Why the lineage app says no. Each class has an HTTP status in `config.api_errors`."""


class IdentifierMalformed(Exception):
    """The value cannot be an identifier of its namespace."""


class NamespaceUnknown(Exception):
    """No such identifier namespace is declared; declare it before registering data or requests."""


class NamespaceConflict(Exception):
    """The namespace is declared already with another kind of identifier."""


class StoreUnknown(Exception):
    """No store of that name is registered."""


class StoreConflict(Exception):
    """The store or dataset family is registered already with another place or declaration."""


class StoreStillThere(Exception):
    """The old place may still hold records: what is left there would be searched no more.

    Only what says itself that there is nothing is gone; a server that does not answer, or a folder
    with files of other names, is not. Remove what is left there, or register the new place as a
    store of its own.
    """


class PeopleLeftBehind(Exception):
    """People of a training set of this store are not in the new place, so it is no move."""


class PeopleNamedTwice(Exception):
    """A training set's store has one identifier column: a request by another would miss its models.

    Keep further identifiers of the same people in a place that is no training set.
    """


class FamilyRetired(Exception):
    """The dataset family was given up by order: nothing is registered, trained or drawn of it."""


class NodeUnknown(Exception):
    """No dataset version, model version or release of that name is registered."""


class NotSuppressed(Exception):
    """Nobody of that identifier is on the suppression list."""


class ScanOutdated(Exception):
    """Somebody registered a newer scan while this one ran; scan again, or that one would be undone.

    Nothing was changed. Ask once more: the place is read as it is then.
    """


class LeaseLost(Exception):
    """Another worker holds the lease now, so this worker's late result is refused."""
