"""Failed logins are counted by address, for all processes together, and too many must wait."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView
from typing_extensions import override

Seen = TypeVar("Seen")

log = logging.getLogger(__name__)

SCOPE: Final = "failed-logins"


class FailedLogins(SimpleRateThrottle):
    """Lets an address try while it has not failed too often; logins that succeed cost nothing.

    The count is in Redis. While that cannot be reached nobody is refused: the password still
    guards the door, and a broker that is down must not lock everybody out.
    """

    scope = SCOPE
    num_requests: int  # DRF reads both from the rate
    duration: int  # seconds

    @override
    def get_cache_key(self, request: Request, view: APIView) -> str:
        # The address itself is nobody's business but the web server's.
        address = salted_hmac(SCOPE, str(self.get_ident(request)), algorithm="sha256").hexdigest()
        return f"{SCOPE}:{address}:{int(self.timer() // self.duration)}"

    @override
    def allow_request(self, request: Request, view: APIView) -> bool:
        key = self.get_cache_key(request, view)
        return _reached(lambda: int(cache.get(key, 0)), otherwise=0) < self.num_requests

    @override
    def wait(self) -> float:
        now: float = self.timer()
        return self.duration - now % self.duration

    def count(self, request: Request, view: APIView) -> None:
        """Count one more failure. Redis adds up, so that none is lost among many processes."""
        key = self.get_cache_key(request, view)
        # Twice the time, so that a count never ends between the two commands.
        _reached(
            lambda: cache.add(key, 1, 2 * self.duration) or cache.incr(key),
            otherwise=None,
        )


def _reached(ask: Callable[[], Seen], *, otherwise: Seen) -> Seen:
    try:
        return ask()
    except (RedisError, OSError):
        log.exception("failed logins cannot be counted")
        return otherwise
