"""Writing a code to a person. The address is opened here and goes no further."""

from smtplib import SMTPException
from typing import Final
from uuid import UUID

from django.core.mail import EmailMessage
from django.utils import timezone

from audits.trail import Actor
from deletion import actions
from deletion.identity import SUBJECT, letter

POSTMAN: Final = Actor("task:deletion.send_code")


def write_code(request_id: UUID) -> None:
    """Make the code of a request and send it, if one is wanted.

    A worker that dies in between leaves a code that nobody has read; the person asks for another.
    """
    made = actions.make_code(request_id=request_id, actor=POSTMAN, now=timezone.now())
    if made is None:
        return
    mail = EmailMessage(subject=SUBJECT, body=letter(made.code), to=[made.address])
    try:
        mail.send()
    except (OSError, SMTPException, ValueError) as error:
        # ValueError: an address that passed every check and cannot be encoded. Only the kind is
        # kept: what a mail server says may name the person.
        actions.code_not_sent(
            request_id=request_id,
            number=made.number,
            error=type(error).__name__,
            actor=POSTMAN,
            now=timezone.now(),
        )
