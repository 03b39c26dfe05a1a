"""What anybody may read without an account: the key by which recipients verify our messages."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from training.calling.signing import public_key


@require_safe
def webhook_keys(_request: HttpRequest) -> JsonResponse:
    """Show the public keys of the messages to recipients, as Standard Webhooks writes them."""
    return JsonResponse({"keys": [public_key(settings.WEBHOOK_SIGNING_KEY)]})
