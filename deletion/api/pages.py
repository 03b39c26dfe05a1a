"""Lists, a page at a time, the newest first."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override


class NewestFirst(CursorPagination):
    """Pages that do not shift while requests come in; each names the next one."""

    page_size = 100

    @override
    def paginate_queryset(
        self,
        queryset: QuerySet[Any] | Sequence[Any],
        request: Request,
        view: APIView | None = None,
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError):  # a forged cursor that decodes, but to no position
            raise NotFound(self.invalid_cursor_message) from None


class RequestPages(NewestFirst):
    """Pages of requests."""

    ordering = ("-received_at", "-id")


class BatchPages(NewestFirst):
    """Pages of batches."""

    ordering = "-id"
