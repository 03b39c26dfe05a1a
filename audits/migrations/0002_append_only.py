"""Triggers that keep the trail append-only.

Only the sealer deletes, and only from the outbox. A database administrator can drop a trigger, but then the
signed checkpoints that others hold no longer fit.
"""

from django.db import migrations

REFUSE = """
CREATE FUNCTION lethe_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the trail is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE FUNCTION lethe_tile_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.level <> OLD.level OR NEW.index <> OLD.index
        OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes
    THEN
        RAISE EXCEPTION 'the trail is append-only: a tile only grows'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER lethe_append_only BEFORE UPDATE OR DELETE ON audits_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_refuse_change();
CREATE TRIGGER lethe_append_only BEFORE UPDATE OR DELETE ON audits_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_refuse_change();
CREATE TRIGGER lethe_append_only BEFORE DELETE ON audits_tile
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_refuse_change();
CREATE TRIGGER lethe_only_grows BEFORE UPDATE ON audits_tile
    FOR EACH ROW EXECUTE FUNCTION lethe_tile_only_grows();
CREATE TRIGGER lethe_append_only BEFORE UPDATE ON audits_outboxentry
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_refuse_change();

CREATE TRIGGER lethe_no_truncate BEFORE TRUNCATE ON audits_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_refuse_change();
CREATE TRIGGER lethe_no_truncate BEFORE TRUNCATE ON audits_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_refuse_change();
CREATE TRIGGER lethe_no_truncate BEFORE TRUNCATE ON audits_tile
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_refuse_change();
CREATE TRIGGER lethe_no_truncate BEFORE TRUNCATE ON audits_outboxentry
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_refuse_change();
"""

PERMIT = """
DROP TRIGGER lethe_no_truncate ON audits_outboxentry;
DROP TRIGGER lethe_no_truncate ON audits_tile;
DROP TRIGGER lethe_no_truncate ON audits_checkpoint;
DROP TRIGGER lethe_no_truncate ON audits_leaf;
DROP TRIGGER lethe_append_only ON audits_outboxentry;
DROP TRIGGER lethe_only_grows ON audits_tile;
DROP TRIGGER lethe_append_only ON audits_tile;
DROP TRIGGER lethe_append_only ON audits_checkpoint;
DROP TRIGGER lethe_append_only ON audits_leaf;
DROP FUNCTION lethe_tile_only_grows();
DROP FUNCTION lethe_refuse_change();
"""

class Migration(migrations.Migration):
    dependencies = [
        ("audits", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunSQL(REFUSE, PERMIT)]
