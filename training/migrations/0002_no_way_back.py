"""The database's own guard: nothing brings a withdrawn version back, and only what qualified serves.

The actions check the same. This holds as well when somebody restores a row by hand, or a platform's
rollback points at an older version.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION training_no_way_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state = 'destroyed' AND NEW.state <> 'destroyed')
        OR (OLD.state = 'withdrawn' AND NEW.state NOT IN ('withdrawn', 'destroyed')) THEN
        RAISE EXCEPTION 'a version that was withdrawn never comes back'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'released' AND OLD.state <> 'released' THEN
        IF NEW.doomed_at IS NOT NULL OR OLD.state <> 'qualified' OR NOT EXISTS (
            SELECT FROM training_qualification
            WHERE version_id = NEW.id AND passed
        ) THEN
            RAISE EXCEPTION 'only a version that qualified is released'
                USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (
            SELECT FROM lineage_datasetversion
            WHERE id = NEW.dataset_version_id AND state <> 'clear'
        ) THEN
            RAISE EXCEPTION 'the version was trained on data that is not clear'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER training_no_way_back BEFORE UPDATE ON training_modelversion
    FOR EACH ROW EXECUTE FUNCTION training_no_way_back();
"""

UNGUARD = """
DROP TRIGGER training_no_way_back ON training_modelversion;
DROP FUNCTION training_no_way_back();
"""


class Migration(migrations.Migration):
    dependencies = [("training", "0001_initial")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
