"""A version that was replaced stands by, and may serve again: by a human decision, and if clean.

The database decides by sets who is in a version: everybody whom its data versions held must be in
the index still. Who was forgotten is not, whatever a restored row says.
"""

import django.db.models.deletion
from django.db import migrations, models

UPSTREAM = """
CREATE FUNCTION training_upstream(target bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE upstream (id) AS (
        SELECT target
        UNION
        SELECT edge.source_id FROM upstream JOIN lineage_edge edge ON edge.target_id = upstream.id
        WHERE edge.kind <> 'evaluated on'
    )
    SELECT id FROM upstream
$$;
CREATE FUNCTION training_unclean(target bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN data.state IN ('quarantined', 'retired') THEN 'what it was made of is ' || data.state
        ELSE 'somebody whom it was made of was forgotten'
    END
    FROM training_upstream(target) AS made (id)
    JOIN lineage_datasetversion data ON data.node_id = made.id
    WHERE data.state IN ('quarantined', 'retired') OR data.member_count > (
        SELECT count(*) FROM lineage_membership member
        WHERE member.family_id = data.family_id AND member.from_seq <= data.seq
          AND (member.to_seq IS NULL OR member.to_seq >= data.seq))
    LIMIT 1
$$;
"""
NO_UPSTREAM = """
DROP FUNCTION training_unclean(bigint);
DROP FUNCTION training_upstream(bigint);
"""
GUARD = """
CREATE OR REPLACE FUNCTION training_no_way_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state = 'destroyed' AND NEW.state <> 'destroyed')
        OR (OLD.state = 'withdrawn' AND NEW.state NOT IN ('withdrawn', 'destroyed')) THEN
        RAISE EXCEPTION 'a version that was withdrawn never comes back'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'standby' AND OLD.state NOT IN ('standby', 'released') THEN
        RAISE EXCEPTION 'only a version that served stands by'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'released' AND OLD.state <> 'released' THEN
        IF NEW.doomed_at IS NOT NULL OR NEW.destroyed_at IS NOT NULL
            OR OLD.state NOT IN ('qualified', 'standby') OR NOT EXISTS (
            SELECT FROM training_qualification
            WHERE version_id = NEW.id AND passed
        ) THEN
            RAISE EXCEPTION 'only a version that qualified is released'
                USING ERRCODE = 'check_violation';
        END IF;
        IF OLD.state = 'qualified' AND EXISTS (
            SELECT FROM lineage_datasetversion
            WHERE id = NEW.dataset_version_id AND state <> 'clear'
        ) THEN
            RAISE EXCEPTION 'the version was trained on data that is not clear'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
"""
# It looks at what is true when the transaction ends its statement, on rows that come back as well.
RETURN = """
CREATE FUNCTION training_clean_return() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unclean text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION 'a version begins as trained, and is never put back as one that serves'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> 'released' OR OLD.state <> 'standby' THEN
        RETURN NULL;
    END IF;
    unclean := training_unclean(NEW.node_id);
    IF unclean IS NOT NULL THEN
        RAISE EXCEPTION 'the version may not come back: %', unclean
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM training_modelrelease
        WHERE version_id = NEW.id AND qualified_until > clock_timestamp()
    ) THEN
        RAISE EXCEPTION 'the version may not come back: it is not qualified any more'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER training_clean_return AFTER INSERT OR UPDATE ON training_modelversion
    DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW WHEN (NEW.state IN ('released', 'standby'))
    EXECUTE FUNCTION training_clean_return();
"""
NO_RETURN = """
DROP TRIGGER training_clean_return ON training_modelversion;
DROP FUNCTION training_clean_return();
"""


class Migration(migrations.Migration):
    dependencies = [("training", "0013_descent"), ("lineage", "0002_given_up")]

    operations = [
        migrations.AlterField(
            model_name="modelversion",
            name="state",
            field=models.CharField(
                choices=[
                    (state, state)
                    for state in (
                        "trained",
                        "qualified",
                        "released",
                        "standby",
                        "unqualified",
                        "withdrawn",
                        "destroyed",
                    )
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="RollBack",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("decided_by", models.CharField(max_length=64)),
                ("decided_at", models.DateTimeField()),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="roll_backs",
                        to="training.modelversion",
                    ),
                ),
                (
                    "replaced",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="training.modelversion",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(UPSTREAM, NO_UPSTREAM),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
        migrations.RunSQL(RETURN, NO_RETURN),
    ]
