"""Fields that take what the schema says and nothing like it."""

import re
from typing import Any, Final

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from typing_extensions import override

from deletion.intake import LONGEST_VALUE, SHA256, WORD, SaidIdentifier, identifier_said
from deletion.regimes import REGIMES
from lineage.places import NAME

_NAMESPACE: Final = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_IDENTIFIER: Final[dict[str, Any]] = {
    "oneOf": [
        {
            "type": "object",
            "description": "As the person wrote it.",
            "properties": {
                "namespace": _NAMESPACE,
                "value": {"type": "string", "minLength": 1, "maxLength": LONGEST_VALUE},
            },
            "required": ["namespace", "value"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "description": "SHA-256 of the standardised value, in hexadecimal.",
            "properties": {
                "namespace": _NAMESPACE,
                "sha256": {"type": "string", "pattern": f"^{SHA256.pattern}$"},
            },
            "required": ["namespace", "sha256"],
            "additionalProperties": False,
        },
    ]
}


class StrictCharField(serializers.CharField):
    """A text, and only a text: a number sent for one is refused."""

    @override
    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class LineField(StrictCharField):
    """A line of text in which something stands."""

    PATTERN: Final = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z"

    def __init__(self, **said: Any) -> None:
        super().__init__(validators=[RegexValidator(self.PATTERN)], trim_whitespace=False, **said)


class WordField(serializers.RegexField):
    """A short word that may stand in the trail: no sentence, no address, no name of a person."""

    PATTERN: str = WORD.pattern

    def __init__(self, **said: Any) -> None:
        super().__init__(f"^{self.PATTERN}$", trim_whitespace=False, **said)

    @override
    def to_internal_value(self, data: object) -> str:
        # Python's `$`, unlike that of the schema, lets a line break pass.
        if not isinstance(data, str) or not re.fullmatch(self.PATTERN, data):
            self.fail("invalid")
        return super().to_internal_value(data)


class CodeField(WordField):
    """The digits of a code."""

    PATTERN = "[0-9]{8}"


class DigestField(WordField):
    """A SHA-256 in hexadecimal, as it was shown."""

    PATTERN = "[0-9a-f]{64}"


@extend_schema_field({"type": "string", "enum": sorted(REGIMES)})
class RegimeField(StrictCharField):
    """The name of a regime; whether it is declared is for the domain to say."""


@extend_schema_field(_IDENTIFIER)
class IdentifierField(serializers.Field[SaidIdentifier, Any, Any, Any]):
    """One identifier of a person. It is never answered, not even in a refusal."""

    default_error_messages = {
        "invalid": "An identifier has a namespace, and either a value or a sha256, all texts."
    }

    @override
    def to_internal_value(self, data: object) -> SaidIdentifier:
        said = identifier_said(data)
        return self.fail("invalid") if said is None else said

    @override
    def to_representation(self, value: SaidIdentifier) -> Any:
        raise NotImplementedError("identifiers are never answered")
