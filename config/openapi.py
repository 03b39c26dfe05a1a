"""How drf-spectacular reads our views."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from typing_extensions import override


class ViewSchema(AutoSchema):
    """Looks at what a view answers when it succeeds; refusals stand beside it by media type."""

    @override
    def _is_list_view(self, serializer: Any = None) -> bool:
        answers = self.get_response_serializers() if serializer is None else serializer
        if isinstance(answers, dict):
            answers = next((each for code, each in answers.items() if _is_success(code)), None)
        return bool(super()._is_list_view(answers))


def _is_success(code: object) -> bool:
    return str(code[0] if isinstance(code, tuple) else code).startswith("2")
