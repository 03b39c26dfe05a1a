"""Where processors say by themselves how far they are."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.trail import Actor
from deletion import actions, opendsr
from deletion.api.recipients import CallbackIn
from deletion.api.signatures import IsRecipient, SignedByProcessor
from deletion.api.views.answers import problems
from deletion.queries import recipients as queries


class Callbacks(APIView):
    """The address that a request to a processor names, one a recipient."""

    authentication_classes = [SignedByProcessor]
    permission_classes = [IsRecipient]

    @extend_schema(
        request=CallbackIn,
        responses={
            202: None,
            **problems(
                status.HTTP_400_BAD_REQUEST,
                status.HTTP_404_NOT_FOUND,
                status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
                status.HTTP_429_TOO_MANY_REQUESTS,
            ),
        },
    )
    def post(self, request: Request, recipient_id: int) -> Response:
        """Take a processor's signed word about how far it is (OpenDSR 2.0, section 8.6)."""
        recipient = queries.recipient_numbered(recipient_id)
        call = opendsr.call_in(
            request.body, address=request.path, domain=queries.domain_of(recipient)
        )
        actions.take_callback(
            recipient_id=recipient_id,
            call=call,
            actor=Actor(f"recipient:{recipient_id}"),
            now=timezone.now(),
        )
        return Response(status=status.HTTP_202_ACCEPTED)
