"""The intervals of a family, brought up to a scan as sets, in the caller's transaction.

Cost: one COPY of the scan, then work for those who came or went. Nobody who stayed is written.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from django.db import connection

from lineage.actions.locks import lock_interning
from lineage.marks import Marks, in_copy_format
from lineage.scanning import Scanned

# Dropped first as well: within one transaction (a test, a bulk registration) this may run twice.
_STAGE: Final = """
DROP TABLE IF EXISTS pg_temp.lineage_scanned, pg_temp.lineage_present;
CREATE TEMPORARY TABLE lineage_scanned (pseudonym uuid NOT NULL, shard smallint NOT NULL)
ON COMMIT DROP
"""
_STAGE_RETURNED: Final = """
DROP TABLE IF EXISTS pg_temp.lineage_returned;
CREATE TEMPORARY TABLE lineage_returned (pseudonym uuid NOT NULL, shard smallint NOT NULL)
ON COMMIT DROP
"""
_COPY_RETURNED: Final = "COPY lineage_returned FROM STDIN WITH (FORMAT binary)"
# A forgotten person gets no number: nobody would cut it when their rows are gone again.
_LEAVE_OUT: Final = """
DELETE FROM lineage_scanned scanned USING lineage_returned returned
WHERE returned.pseudonym = scanned.pseudonym AND NOT EXISTS (
    SELECT FROM lineage_pseudonym known WHERE known.value = scanned.pseudonym);
DROP TABLE lineage_returned
"""
_COPY: Final = "COPY lineage_scanned FROM STDIN WITH (FORMAT binary)"
_ANYBODY_NEW: Final = """
SELECT EXISTS (
    SELECT FROM lineage_scanned scanned
    LEFT JOIN lineage_pseudonym known ON known.value = scanned.pseudonym
    WHERE known.value IS NULL)
"""
# An anti-join, not ON CONFLICT: that would draw a number for everybody already known as well.
_INTERN: Final = """
WITH numbered AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('lineage_subject', 'id')) AS subject_id, pseudonym
    FROM (
        SELECT scanned.pseudonym FROM lineage_scanned scanned
        LEFT JOIN lineage_pseudonym known ON known.value = scanned.pseudonym
        WHERE known.value IS NULL
        ORDER BY scanned.pseudonym
    ) AS newcomer
), interned AS (
    INSERT INTO lineage_subject (id) SELECT subject_id FROM numbered
)
INSERT INTO lineage_pseudonym (value, namespace_id, subject_id, key_id)
SELECT pseudonym, %(namespace)s, subject_id, 1 FROM numbered ORDER BY pseudonym
"""
# Statistics at once: without them the planner would look up each person for itself.
_RESOLVE: Final = """
CREATE TEMPORARY TABLE lineage_present ON COMMIT DROP AS
SELECT known.subject_id, scanned.shard
FROM lineage_scanned scanned JOIN lineage_pseudonym known ON known.value = scanned.pseudonym;
ANALYZE lineage_present
"""
_CLOSE: Final = """
UPDATE lineage_membership AS membership SET to_seq = %(seq)s - 1
WHERE membership.family_id = %(family)s AND membership.to_seq IS NULL AND NOT EXISTS (
    SELECT FROM lineage_present present WHERE present.subject_id = membership.subject_id)
"""
_OPEN: Final = """
INSERT INTO lineage_membership (subject_id, family_id, shard, from_seq)
SELECT present.subject_id, %(family)s, present.shard, %(seq)s FROM lineage_present present
WHERE NOT EXISTS (
    SELECT FROM lineage_membership membership
    WHERE membership.subject_id = present.subject_id
      AND membership.family_id = %(family)s AND membership.to_seq IS NULL)
ORDER BY present.subject_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How many people came and went with a version."""

    joined: int
    left: int


def replace(*, family_id: int, seq: int, scanned: Scanned, returned: Marks) -> Change:
    """Make version `seq` hold the people of a scan; the caller holds the family's row.

    `returned` are those of them who were forgotten: who is not in the index any more stays out.
    """
    said: dict[str, int | str] = {"family": family_id, "seq": seq, "namespace": scanned.namespace}
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        cursor.copy_expert(_COPY, BytesIO(in_copy_format(scanned.pseudonyms, scanned.shards)))
        if returned:
            cursor.execute(_STAGE_RETURNED)
            nowhere = [0] * len(returned)
            cursor.copy_expert(_COPY_RETURNED, BytesIO(in_copy_format(returned, nowhere)))
            cursor.execute(_LEAVE_OUT)
        cursor.execute("ANALYZE lineage_scanned")
        cursor.execute(_ANYBODY_NEW)
        if cursor.fetchone() == (True,):
            lock_interning()  # another registration may have interned some of them meanwhile
            cursor.execute(_INTERN, said)
        cursor.execute(_RESOLVE)
        cursor.execute(_CLOSE, said)
        left = cursor.rowcount
        cursor.execute(_OPEN, said)
        joined = cursor.rowcount
        cursor.execute("DROP TABLE lineage_scanned, lineage_present")
    return Change(joined=joined, left=left)
