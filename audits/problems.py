"""How a refusal is named and worded, wherever it is answered: in an HTTP answer, or in one line.

Nothing here repeats what was sent: it may be somebody's identifier.
"""

import re
from types import ModuleType


def type_of(name: str) -> str:
    """Return the address that stands for a refusal of this name; it never changes."""
    return f"/problems/{name}"


def title_of(name: str) -> str:
    """Return the name of a refusal as words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).capitalize()


def detail_of(refusal: Exception) -> str:
    """Return the message of an error of ours, or else the sentence that explains its class."""
    match refusal.args:
        case (str(message),) if message:
            return message
        case _:
            sentence, *_ = (refusal.__doc__ or "").split("\n\n")
            return " ".join(sentence.split())


def reasons_in(*modules: ModuleType) -> tuple[type[Exception], ...]:
    """Return the classes of `errors` modules, for `except`."""
    return tuple(
        error
        for module in modules
        for error in vars(module).values()
        if isinstance(error, type) and issubclass(error, Exception)
    )
