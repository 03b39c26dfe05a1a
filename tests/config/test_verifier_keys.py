from django.core.management import call_command

from audits.notes import read_key
from audits.queries import trail_signer
from training.calling.signing import public_key
from training.queries import model_signer


def test_what_is_published_are_the_keys_that_sign_and_no_secret(capsys, settings):
    call_command("verifier_keys")

    shown = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    webhooks = shown.pop("webhooks")
    assert webhooks == public_key(settings.WEBHOOK_SIGNING_KEY)
    assert settings.WEBHOOK_SIGNING_KEY.hex() not in webhooks
    assert {what: read_key(text).public_key for what, text in shown.items()} == {
        "trail": trail_signer().public_key,
        "certificates": trail_signer().public_key,
        "models": model_signer().public_key,
    }
    assert trail_signer().seed.hex() not in str(shown)
