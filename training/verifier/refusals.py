"""Why an artefact is not loaded, one class a reason. The fallback answers instead.

They have a common base, unlike other refusals of this project: whatever the reason, a serving
system does the same thing.
"""

from typing import ClassVar


class Refused(Exception):
    """The artefact may not be loaded."""

    name: ClassVar[str] = "refused"  # the word by which the command says it


class Unsigned(Refused):
    """The statement bears no signature."""

    name = "unsigned"


class WrongKey(Refused):
    """The statement is signed, but by none of the keys that are trusted."""

    name = "wrong key"


class StatementTampered(Refused):
    """The statement is not what a trusted key has signed, or is none at all."""

    name = "tampered statement"


class ArtefactTampered(Refused):
    """The artefact is not the one that the statement is about."""

    name = "tampered artefact"


class OtherModel(Refused):
    """The statement is about another model."""

    name = "other model"


class Unqualified(Refused):
    """The statement does not say that the version is qualified, and until when."""

    name = "unqualified"


class Expired(Refused):
    """The version was qualified for a time that is over."""

    name = "expired"


class Unconfirmed(Refused):
    """The statement was confirmed too long ago: it may have been withdrawn since."""

    name = "unconfirmed"


class Withdrawn(Refused):
    """The model is stopped, or the version was withdrawn: it may hold somebody who was erased."""

    name = "withdrawn"


class RolledBack(Refused):
    """A newer statement about the model was seen before: this one is not true any more."""

    name = "rolled back"


class OtherUse(Refused):
    """The model was not declared for this use."""

    name = "other use"


class IncompatibleInputs(Refused):
    """The version reads other inputs than those that will be given to it."""

    name = "incompatible inputs"
