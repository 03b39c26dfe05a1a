"""Fields that take what the schema says and nothing like it."""

import math
import re
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from typing_extensions import override

from lineage.places import NAME
from training.api.rules_schema import RULES
from training.pools import ERASING, training_pool
from training.queries import EVERYTHING, scope_of, scope_of_pool

_POOLS: Final = "|".join(scope_of_pool(pool) for pool in (ERASING, training_pool(NAME.pattern)))
_SCOPE: Final = f"^({EVERYTHING}|{scope_of(NAME.pattern)}|{_POOLS})$"
_SAYS_SOMETHING: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"  # PostgreSQL keeps no zero character
_PARAMETERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What the trainer allows; its refusal names the parameter.",
    "additionalProperties": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}


class PatternField(serializers.RegexField):
    """A text of a form, and only a text: a number sent for one is refused."""

    def __init__(self, pattern: str, **said: Any) -> None:
        self.form = re.compile(pattern)
        super().__init__(pattern, trim_whitespace=False, **said)

    @override
    def to_internal_value(self, data: object) -> str:
        # Python's `$`, unlike that of the schema, lets a line break pass.
        if not isinstance(data, str) or (data.endswith("\n") and not self.form.search(data[:-1])):
            self.fail("invalid")
        return super().to_internal_value(data)


class NameField(PatternField):
    """A name that may stand in addresses and in the trail."""

    def __init__(self, **said: Any) -> None:
        super().__init__(f"^{NAME.pattern}$", max_length=64, **said)

    @override
    def to_internal_value(self, data: object) -> str:
        if isinstance(data, str) and data.endswith("\n"):
            self.fail("invalid")
        return super().to_internal_value(data)


class ScopeField(NameField):
    """What a stop is for."""

    def __init__(self, **said: Any) -> None:
        PatternField.__init__(self, _SCOPE, max_length=80, **said)


class WordsField(PatternField):
    """A sentence: not empty, and not of blanks only."""

    def __init__(self, **said: Any) -> None:
        super().__init__(_SAYS_SOMETHING, **said)


class StrictIntegerField(serializers.IntegerField):
    """A whole number, and only that: a text sent for one is refused."""

    @override
    def to_internal_value(self, data: object) -> int:
        if isinstance(data, float) and data.is_integer():  # JSON's 1.0 is the whole number 1
            data = int(data)
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(_PARAMETERS)
class ParametersField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """A trainer's parameters: texts and numbers by name, checked by the trainer itself."""

    default_error_messages = {"invalid": "Not an object of texts and numbers."}

    @override
    def to_internal_value(self, data: object) -> dict[str, Any]:
        if not isinstance(data, dict) or not all(map(_is_plain, data.values())):
            self.fail("invalid")
        return dict(data)

    @override
    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


@extend_schema_field(RULES)
class RulesField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """Rules for data, read by the core: its refusal names the place that is wrong."""

    default_error_messages = {"invalid": "Not an object."}

    @override
    def to_internal_value(self, data: object) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return dict(data)

    @override
    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


def _is_plain(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return not isinstance(value, float) or math.isfinite(value)
