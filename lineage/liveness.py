"""How both ends of a connection to PostgreSQL find out that the other one is gone. Pure.

A machine that is cut off says no goodbye. By the defaults of Linux and PostgreSQL its session lives
on for two hours, and with it every lock that it held: of rows, of tables, of the sweep, so that no
request goes on anywhere. So each end asks after some silence, and gives up a peer that does not
answer or takes nothing any more. A unix socket has no use for this, and ignores it.
"""

from typing import Any, Final

_SILENCE_SECONDS: Final = 10
_ASK_SECONDS: Final = 5
_ASK_TIMES: Final = 3
_GONE_SECONDS: Final = _SILENCE_SECONDS + _ASK_SECONDS * _ASK_TIMES

ASKING: Final[dict[str, Any]] = {
    "connect_timeout": 10,
    "keepalives_idle": _SILENCE_SECONDS,
    "keepalives_interval": _ASK_SECONDS,
    "keepalives_count": _ASK_TIMES,
    "tcp_user_timeout": 1000 * _GONE_SECONDS,
}
"""Our end: parameters of libpq."""

ASKED: Final = (
    f"tcp_keepalives_idle={_SILENCE_SECONDS}",
    f"tcp_keepalives_interval={_ASK_SECONDS}",
    f"tcp_keepalives_count={_ASK_TIMES}",
    f"tcp_user_timeout={1000 * _GONE_SECONDS}",
)
"""The server's end: settings that every session may choose for itself."""
