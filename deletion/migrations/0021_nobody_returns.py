"""A version does not come back while somebody whom it learned from is being erased.

The training app cannot know of requests; the database can. Those who are forgotten already are not
in the index any more, which the training app's own guard looks at.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION deletion_nobody_returns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'standby' AND EXISTS (
        SELECT FROM deletion_deletionrequest request
        JOIN deletion_requestidentifier said ON said.request_id = request.id
        JOIN lineage_pseudonym known ON known.value = said.pseudonym
        JOIN lineage_membership member ON member.subject_id = known.subject_id
        JOIN lineage_datasetversion data ON data.family_id = member.family_id
         AND data.seq >= member.from_seq
         AND (member.to_seq IS NULL OR data.seq <= member.to_seq)
        WHERE request.state = 'in progress' AND member.shard <> -1
          AND data.node_id IN (SELECT training_upstream(NEW.node_id))
    ) THEN
        RAISE EXCEPTION 'the version may not come back: somebody whom it learned from is erased'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER deletion_nobody_returns AFTER UPDATE ON training_modelversion
    DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW WHEN (NEW.state = 'released')
    EXECUTE FUNCTION deletion_nobody_returns();
"""
UNGUARD = """
DROP TRIGGER deletion_nobody_returns ON training_modelversion;
DROP FUNCTION deletion_nobody_returns();
"""


class Migration(migrations.Migration):
    dependencies = [("deletion", "0020_order_notices"), ("training", "0014_standby")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
