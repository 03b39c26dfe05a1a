"""Lists, a page at a time."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override


class Pages(CursorPagination):
    """Pages that do not shift while rows are added; each names the next one."""

    page_size = 100
    ordering = "pk"

    @override
    def paginate_queryset(
        self,
        queryset: QuerySet[Any] | Sequence[Any],
        request: Request,
        view: APIView | None = None,
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except ValueError:  # a forged cursor that decodes, but to no position
            raise NotFound(self.invalid_cursor_message) from None
