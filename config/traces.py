"""Looks for a text in everything that Lethe keeps: every table, Redis, and every file of a folder.

It searches raw content, so it needs no knowledge of what a table means and cannot forget a new one.
"""

import json
from pathlib import Path

import redis
from django.db import connection
from psycopg2 import sql

from lineage.stores.pages import search_pages


def _spellings(needle: str) -> tuple[str, ...]:
    """Return the text, and how PostgreSQL prints it in `bytea` and escaped JSON; lower case."""
    low = needle.lower()
    seen = dict.fromkeys(
        (
            low,
            needle.encode().hex(),
            low.encode().hex(),
            needle.upper().encode().hex(),
            needle.encode("utf-16-le").hex(),
            *(json.dumps(spelling)[1:-1].lower() for spelling in (needle, low, needle.upper())),
        )
    )
    return tuple(seen)


def tables_naming(needle: str) -> set[str]:
    """Return the tables, of every schema, with a row that holds the text, also as bytes."""
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_schema, table_name, array_agg(column_name::text)"
            " FROM information_schema.tables JOIN information_schema.columns"
            " USING (table_schema, table_name) WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
            " GROUP BY table_schema, table_name"
        )
        for schema, table, columns in cursor.fetchall():
            # Column by column: PostgreSQL escapes what it prints as a part of a whole row.
            query = sql.SQL(
                "SELECT EXISTS (SELECT 1 FROM {table} WHERE EXISTS (SELECT 1 FROM unnest(%s) AS"
                " needle WHERE position(needle IN lower(concat_ws(' ', {columns}))) > 0))"
            ).format(
                table=sql.Identifier(schema, table),
                columns=sql.SQL(", ").join(
                    sql.SQL("{}::text").format(sql.Identifier(table, column)) for column in columns
                ),
            )
            cursor.execute(query, [list(_spellings(needle))])
            if cursor.fetchone()[0]:
                found.add(table if schema == "public" else f"{schema}.{table}")
    return found


def redis_naming(needle: str, *, url: str) -> set[str]:
    """Return the Redis keys whose name or content holds the text, in any letter case."""
    client = redis.Redis.from_url(url.replace("redis+socket://", "unix://"))
    found = {
        key.decode(errors="replace")
        for key in client.scan_iter(count=1000)
        if needle.lower().encode() in (key + b"\x00" + _content(client, key)).lower()
    }
    client.close()
    return found


def _content(client: "redis.Redis", key: bytes) -> bytes:
    """Return all that a key holds; `DUMP` compresses strings and would hide them from a search."""
    match client.type(key):
        case b"string":
            held: object = client.get(key)
        case b"list":
            held = client.lrange(key, 0, -1)
        case b"set":
            held = client.smembers(key)
        case b"zset":
            held = client.zrange(key, 0, -1)
        case b"hash":
            held = client.hgetall(key)
        case _:
            held = client.xrange(key)
    return repr(held).encode()


def files_naming(place: Path, needle: str) -> set[Path]:
    """Return the files, of a folder or one alone, whose raw bytes hold the text in any letter case.

    Compressed pages need another search: `pages_naming`.
    """
    wanted = needle.lower().encode()
    return {path for path in _files(place) if wanted in path.read_bytes().lower()}


def pages_naming(place: Path, needle: str) -> set[Path]:
    """Return the Parquet files with a page or statistic that holds the text.

    It is looked for as it is written, in lower case and in upper case.
    """
    spellings = {needle, needle.lower(), needle.upper()}
    return {
        path
        for path in _files(place)
        if path.suffix.lower() == ".parquet"
        and any(search_pages(path, spelling.encode()) for spelling in spellings)
    }


def _files(place: Path) -> list[Path]:
    return [path for path in (place, *place.rglob("*")) if path.is_file()]
