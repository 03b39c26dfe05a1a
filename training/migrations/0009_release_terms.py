"""What a release promises: until when, for which uses, on which inputs it was measured."""

from django.db import migrations, models

# Nobody's model stops at an upgrade: what serves is qualified for a month more at the least.
FILL = """
UPDATE training_modelrelease
SET qualified_until = greatest(released_at + interval '180 days', now() + interval '30 days')
"""
# What a row says of an artefact is signed again and again: it never changes.
FIX = """
CREATE FUNCTION training_artefact_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what a version was made of, and is, never changes'
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER training_artefact_stays BEFORE UPDATE ON training_modelversion
    FOR EACH ROW WHEN (
        (OLD.model_id, OLD.number, OLD.node_id, OLD.dataset_version_id, OLD.artefact, OLD.artefact_digest, OLD.manifest)
        IS DISTINCT FROM
        (NEW.model_id, NEW.number, NEW.node_id, NEW.dataset_version_id, NEW.artefact, NEW.artefact_digest, NEW.manifest))
    EXECUTE FUNCTION training_artefact_stays();
"""
UNFIX = """
DROP TRIGGER training_artefact_stays ON training_modelversion;
DROP FUNCTION training_artefact_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("training", "0008_evidence_classes")]

    operations = [
        migrations.AddField(
            model_name="model",
            name="uses",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="model",
            name="qualified_days",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="qualification",
            name="tested",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="modelrelease",
            name="qualified_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="modelrelease",
            name="qualified_until",
            field=models.DateTimeField(),
        ),
        migrations.RunSQL(FIX, UNFIX),
    ]
