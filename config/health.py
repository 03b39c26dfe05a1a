"""Whether the service lives and can do its work, for probes, which have no credentials."""

from collections.abc import Callable
from http import HTTPStatus

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_only_middleware
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def livez(_request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"alive": True})


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say whether the database and the broker can be reached; 503 if one cannot."""
    reached = {"database": _database_answers(), "broker": _broker_answers()}
    status = HTTPStatus.OK if all(reached.values()) else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(reached, status=status)


@sync_only_middleware
def probes_first(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer probes before anybody asks by which name they call: they come by address."""
    probes = {"/livez": livez, "/readyz": readyz}

    def answer(request: HttpRequest) -> HttpResponseBase:
        return probes.get(request.path_info, get_response)(request)

    return answer


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker_answers() -> bool:
    # Celery writes a unix socket's address in another way than the client library.
    address = settings.REDIS_URL.replace("redis+socket://", "unix://")
    try:
        with redis.Redis.from_url(address, socket_timeout=2) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
