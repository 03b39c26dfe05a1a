"""Why a store says no. A message names the place and the column, never a value."""


class KindUnknown(Exception):
    """No adapter is built in for this kind of store."""


class StoreUnreadable(Exception):
    """The place cannot be reached, read or written, or is not what it was declared to be."""


class PlaceMissing(StoreUnreadable):
    """There is no such folder, file or table; whatever held it answers and says so."""


class PartCorrupt(Exception):
    """A file is damaged, truncated or of another format."""


class ColumnMissing(Exception):
    """A declared column is not there: it was renamed or removed since the store was registered."""


class ColumnTypeMismatch(Exception):
    """The column's type cannot hold identifiers of its namespace."""


class NullIdentifier(Exception):
    """A row names nobody, so nobody can say whose it is."""


class MalformedIdentifier(Exception):
    """A row holds a value that cannot be an identifier of the column's namespace."""


class ChangedMeanwhile(Exception):
    """Somebody else changed the place during the work; nothing was replaced, try again."""


class NotSafelyErasable(Exception):
    """Erasing here could leave a copy behind or damage other people's rows; a person decides."""


class StillPresent(Exception):
    """The second reader still finds a wanted person, or one of their values, after the erasure."""


class KeptRowsDiffer(Exception):
    """The second reader finds the remaining rows changed; the original was left in place."""
