"""Fields that every app's forms may need."""

from typing import Any

from rest_framework import serializers
from typing_extensions import override


class StrictCharField(serializers.CharField):
    """A text, and only a text: a number sent for one is refused."""

    @override
    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ObjectField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """An object whose content the core reads: its refusal names the place that is wrong."""

    default_error_messages = {"invalid": "Not an object."}

    @override
    def to_internal_value(self, data: object) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return dict(data)

    @override
    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value
