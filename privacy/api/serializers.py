"""What callers say to the privacy app and what they see."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from typing_extensions import override

from lineage.places import NAME
from privacy.models import Recipe, Release, ShieldPolicy

_SCHEMA: Final = Path(__file__).parents[1] / "schemas" / "recipe-1.json"
# More than nothing, and within what a policy may bound.
_EPSILON: Final = r"^([1-9][0-9]?(\.[0-9]{1,6})?|0\.[0-9]{0,5}[1-9])$"
_DELTA: Final = r"^0\.(001|000[0-9]{0,14}[1-9])$"
_NAME: Final = f"^{NAME.pattern}$"


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    """Replace the references of the recipe's schema: in OpenAPI they would point elsewhere."""
    if isinstance(part, list):
        return [_inlined(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _inlined(value, definitions) for key, value in part.items() if key != "$ref"}
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return {**_inlined(definitions[name], definitions), **plain}
    return plain


def _recipe_schema() -> dict[str, Any]:
    schema = json.loads(_SCHEMA.read_text())
    definitions = schema.pop("$defs")
    del schema["$schema"]
    inlined: dict[str, Any] = _inlined(schema, definitions)
    return inlined


_NO_ZERO: Final = r"^[^\x00]*$"  # PostgreSQL keeps no zero character


class StrictCharField(serializers.CharField):
    """A text, and only a text: a number sent for one is refused, and so is nothing at all."""

    def __init__(self, **said: Any) -> None:
        super().__init__(
            min_length=1,
            trim_whitespace=False,
            validators=[RegexValidator(_NO_ZERO)],
            **said,
        )

    @override
    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """A whole number, and only that: a text sent for one is refused. JSON's 1.0 is one."""

    @override
    def to_internal_value(self, data: object) -> int:
        if isinstance(data, float) and data.is_integer():
            data = int(data)
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "format": "decimal"})
class DecimalTextField(serializers.Field[Decimal, str, str, Any]):
    """An exact decimal as text, so that no float ever stands between a caller and the ledger."""

    pattern = ""
    default_error_messages = {"invalid": "Not a decimal number of this form, written as text."}

    @override
    def to_internal_value(self, data: object) -> Decimal:
        if not isinstance(data, str) or not re.fullmatch(self.pattern, data, re.ASCII):
            self.fail("invalid")
        return Decimal(data)

    @override
    def to_representation(self, value: Decimal) -> str:
        return format(value, "f")


@extend_schema_field({"type": "string", "pattern": _EPSILON, "example": "1.5"})
class EpsilonField(DecimalTextField):
    """A bound on epsilon."""

    pattern = _EPSILON


@extend_schema_field({"type": "string", "pattern": _DELTA, "example": "0.000001"})
class DeltaField(DecimalTextField):
    """A bound on delta."""

    pattern = _DELTA


@extend_schema_field({"type": "string", "pattern": _NAME, "example": "until-the-next-quarter"})
class PolicyNameField(StrictCharField):
    """A name that may stand in the trail and in sentences."""

    @override
    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or not NAME.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(_recipe_schema())
class DeclarationField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """A recipe's declaration: an object, checked by the domain itself."""

    default_error_messages = {"invalid": "Not an object."}

    @override
    def to_internal_value(self, data: object) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return dict(data)

    @override
    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


class PrivacyAccountOut(serializers.Serializer[Any]):
    """What may still be said about the people of a dataset family."""

    family = serializers.CharField()
    unit = serializers.CharField()
    cap_nano_rho = serializers.IntegerField()
    spent_nano_rho = serializers.IntegerField()
    left_nano_rho = serializers.IntegerField()
    epsilon_spent = DecimalTextField()
    delta = DecimalTextField()


class RecipeIn(serializers.Serializer[None]):
    """A recipe to be registered."""

    declaration = DeclarationField()


class RecipeOut(serializers.ModelSerializer[Recipe]):
    """A registered recipe."""

    family = serializers.CharField(source="family.name")
    declaration = DeclarationField()

    class Meta:
        model = Recipe
        fields = ["family", "name", "revision", "digest", "declaration", "registered_at"]


class ReleaseIn(serializers.Serializer[None]):
    """A release to be drawn from the newest version of the recipe's dataset family."""

    family = StrictCharField(max_length=200)
    recipe = StrictCharField(max_length=64)
    revision = StrictIntegerField(
        required=False, min_value=1, max_value=1_000_000, help_text="The newest if left out."
    )


class ReleaseOut(serializers.ModelSerializer[Release]):
    """A release, with its result once it is committed."""

    family = serializers.CharField(source="recipe.family.name")
    recipe = serializers.CharField(source="recipe.name")
    revision = serializers.IntegerField(source="recipe.revision")
    dataset_version = serializers.IntegerField(source="dataset_version.seq")
    result = serializers.DictField(allow_null=True)

    class Meta:
        model = Release
        fields = [
            *("id", "family", "recipe", "revision", "dataset_version", "state"),
            *("cost_nano_rho", "epsilon", "delta", "reserved_at", "finished_at"),
            *("last_error", "result"),
        ]


class ShieldPolicyIn(serializers.Serializer[None]):
    """A decision under which bound retraining may wait."""

    name = PolicyNameField(max_length=64)
    family = StrictCharField(max_length=200)
    max_epsilon = EpsilonField()
    max_delta = DeltaField()
    max_deletions = StrictIntegerField(min_value=1, max_value=1_000_000)
    days = StrictIntegerField(min_value=1, max_value=3650, help_text="Until it expires.")
    reason = StrictCharField(max_length=300)


class ShieldPolicyOut(serializers.ModelSerializer[ShieldPolicy]):
    """An approved policy."""

    family = serializers.CharField(source="family.name")

    class Meta:
        model = ShieldPolicy
        fields = [
            *("name", "family", "max_epsilon", "max_delta", "max_deletions", "reason"),
            *("approved_by", "approved_at", "expires_at"),
        ]
