"""Triggers that keep the journal append-only and an account's terms as they were opened.

A cap that could be raised by hand would be no cap. Emptying whole tables (TRUNCATE) is left to the
database's own rights.
"""

from django.db import migrations

REFUSE = """
CREATE FUNCTION lethe_journal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % is refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE FUNCTION lethe_account_keeps_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the terms of an account are fixed: % is refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER lethe_append_only BEFORE UPDATE OR DELETE ON privacy_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_journal_refuse_change();
CREATE TRIGGER lethe_keeps_terms BEFORE UPDATE OF family_id, unit_id, cap_nano_rho OR DELETE
    ON privacy_account
    FOR EACH STATEMENT EXECUTE FUNCTION lethe_account_keeps_terms();
"""

PERMIT = """
DROP TRIGGER lethe_keeps_terms ON privacy_account;
DROP TRIGGER lethe_append_only ON privacy_journalentry;
DROP FUNCTION lethe_account_keeps_terms();
DROP FUNCTION lethe_journal_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("privacy", "0001_initial")]

    operations = [migrations.RunSQL(REFUSE, PERMIT)]
