"""Links between identifiers of one person: declared, used by demands, undone, and destroyed."""

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from audits.actions import raise_alert
from audits.trail import Actor, Trail, audited
from deletion.actions.locks import lock_links, lock_requests
from deletion.actions.merging import (
    ONE_LEADS,
    broke,
    overtake,
    record_standing,
    stand_anew,
    stand_behind,
)
from deletion.errors import LinkUnknown, MoveNotAllowed, RequestUnknown
from deletion.events import IdentifiersLinked, LinksDeclared, LinksTakenBack, LinkUndone
from deletion.intake import Claim
from deletion.keys import RequestKey, seal_linked
from deletion.links import MOST_LINKED, Linked, Pair, still_reached, without_bridges
from deletion.merging import leader_of, overtaken_by
from deletion.models import DeletionRequest, Link, LinkedIdentifier, RequestIdentifier
from deletion.queries.links import TOO_LATE, TOO_MANY, is_unplanned, leading_outside, links_among
from deletion.queries.merging import leaders_for, leading
from deletion.states import OPEN, RequestState
from lineage.actions.locks import keep_people
from lineage.identifiers import pseudonym_of, suppression_tag_of
from lineage.queries import suppressed

_TRIES: Final = 5  # when others ask for the same person in the same moment


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCount:
    """What became of some links that were declared."""

    added: int = 0
    known: int = 0
    forgotten: int = 0  # not kept: one of the two is on the suppression list


def declare_links(*, pairs: Collection[Pair], actor: Actor, now: datetime) -> LinkCount:
    """Keep that each pair of identifiers is one person's; what is known already changes nothing.

    Of somebody who was forgotten nothing is kept. Requests that are open already stay as they are;
    where a new link leads outside of one, an officer is asked to look.
    """
    with audited(actor=actor, now=now) as trail:
        lock_links()
        keep_people()  # whom somebody forgets meanwhile would be back with the link
        marks = {claim: _mark_of(claim) for pair in pairs for claim in pair}
        forgotten = _forgotten(marks, now=now)
        kept = {
            _in_order(marks[one], marks[other])
            for one, other in pairs
            if one not in forgotten and other not in forgotten
        }
        new = kept - _known(kept)
        ends = {mark for pair in new for mark in pair}
        LinkedIdentifier.objects.bulk_create(
            (
                LinkedIdentifier(
                    pseudonym=mark,
                    namespace_id=claim.namespace,
                    sealed_digest=seal_linked(
                        claim.digest,
                        pseudonym=mark,
                        key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY,
                        entropy=secrets.token_bytes,
                    ),
                )
                for claim, mark in marks.items()
                if mark in ends
            ),
            ignore_conflicts=True,
        )
        Link.objects.bulk_create(
            Link(one_id=one, other_id=other, linked_by=actor, linked_at=now)
            for one, other in sorted(new)
        )
        gone = sum(one in forgotten or other in forgotten for one, other in pairs)
        count = LinkCount(added=len(new), known=len(pairs) - gone - len(new), forgotten=gone)
        trail.record(
            LinksDeclared(added=count.added, known=count.known, forgotten=count.forgotten),
            about="links",
        )
        for request, links in sorted(leading_outside(new).items()):
            raise_alert(
                kind=TOO_LATE,
                about=f"request/{request}",
                detail={
                    "why": "a link was declared after the request had come: what it leads to is not"
                    " looked for. Have a request made that names it, before this one ends",
                    "links": links,
                },
                actor=actor,
                now=now,
            )
    return count


def take_links_back(*, pairs: Collection[Pair], actor: Actor, now: datetime) -> int:
    """Forget that pairs of identifiers are one person's, and return how many were linked.

    A request to which a link has added somebody keeps them: undo it there.
    """
    with audited(actor=actor, now=now) as trail:
        lock_links()
        keep_people()
        known = _known({_in_order(_mark_of(one), _mark_of(other)) for one, other in pairs})
        _these(known).delete()
        _delete_unlinked({mark for pair in known for mark in pair})
        trail.record(
            LinksTakenBack(removed=len(known), unknown=len(pairs) - len(known)), about="links"
        )
    return len(known)


def destroy_links_of(marks: Collection[UUID]) -> None:
    """Delete every link of people who are forgotten; the caller records that they are."""
    mine = list(marks)
    links = Link.objects.filter(Q(one__in=mine) | Q(other__in=mine))
    ends = {mark for pair in links.values_list("one_id", "other_id") for mark in pair}
    links.delete()
    _delete_unlinked(ends)


def identifier_rows(
    request: DeletionRequest,
    claims: Iterable[tuple[UUID, Claim]],
    *,
    key: RequestKey,
    by_link: bool,
) -> list[RequestIdentifier]:
    """Return what a request keeps of identifiers; nothing is saved yet."""
    return [
        RequestIdentifier(
            request=request,
            namespace_id=claim.namespace,
            pseudonym=pseudonym,
            by_link=by_link,
            sealed_digest=key.seal(
                claim.digest, namespace=claim.namespace, entropy=secrets.token_bytes
            ),
        )
        for pseudonym, claim in claims
    ]


def record_links(
    request: DeletionRequest, linked: Linked, *, trail: Trail, actor: Actor, now: datetime
) -> None:
    """Record what links add to a saved request; if it is too much, an officer has to look."""
    about = f"request/{request.pk}"
    if linked.claims:
        trail.record(
            IdentifiersLinked(
                request_id=str(request.pk),
                added=len(linked.claims),
                namespaces=tuple(sorted({claim.namespace for _, claim in linked.claims})),
            ),
            about=about,
        )
    if linked.too_many:
        raise_alert(
            kind=TOO_MANY,
            about=about,
            detail={
                "why": f"links lead to more than {MOST_LINKED} other identifiers: only what was"
                " named is looked for"
            },
            actor=actor,
            now=now,
        )


def add_linked(  # noqa: PLR0913  # a request, what is added, and who adds it
    request: DeletionRequest,
    linked: Linked,
    *,
    key: RequestKey,
    trail: Trail,
    actor: Actor,
    now: datetime,
) -> None:
    """Add what is linked to a request whose person has just shown who they are.

    It stands behind what leads for them, and whoever has not shown who they are behind it. Both
    are locked already.
    """
    rows = identifier_rows(request, linked.claims, key=key, by_link=True)
    rows.sort(key=attrgetter("pseudonym"))
    leaders = {
        mark: leader
        for mark, leader in leaders_for(linked.pseudonyms).items()
        if leader.request_id != request.pk
    }
    waited = request.behind_id is not None
    if waited:
        for row in rows:
            row.leads = False
    elif (leader := leader_of(linked.pseudonyms, leaders, is_unverified=False)) is not None:
        named = list(request.identifiers.all())
        stand_behind(request, [*named, *rows], leader)
        request.identifiers.update(leads=False)
        request.save(update_fields=["state", "behind"])
    else:
        overtake(request, overtaken_by(linked.pseudonyms, leaders), trail=trail)
    RequestIdentifier.objects.bulk_create(rows)
    record_links(request, linked, trail=trail, actor=actor, now=now)
    if not waited:
        record_standing(request, trail=trail)
    elif request.behind is not None and request.behind.state == RequestState.UNVERIFIED:
        stand_anew(request, trail=trail)  # now it goes before who has not shown who they are


def undo_link(
    *, request_id: UUID, identifier_id: int, actor: Actor, now: datetime
) -> DeletionRequest:
    """Look no more for an identifier that a link has added to a request, before it is planned.

    Those to which only this one has led go with it, here and in every request behind this one: who
    asks twice is not made to say so twice. Who waited for the request, or was merged into it,
    because of them goes on alone.
    """
    for _ in range(_TRIES - 1):
        try:
            return _undo(request_id, identifier_id, actor, now)
        except IntegrityError as exc:
            # Somebody asked for one of these people in this moment: that one is seen now.
            if not broke(exc, ONE_LEADS):
                raise
    return _undo(request_id, identifier_id, actor, now)


def _undo(request_id: UUID, identifier_id: int, actor: Actor, now: datetime) -> DeletionRequest:
    with transaction.atomic():
        request, followers = _locked(request_id)
        rows = list(request.identifiers.all())
        undone = next((row for row in rows if row.pk == identifier_id and row.by_link), None)
        if undone is None:
            raise LinkUnknown
        _require_not_begun(request)
        added = {row.pseudonym for row in rows if row.by_link}
        left = added & still_reached(
            {row.pseudonym for row in rows if not row.by_link},
            links_among([row.pseudonym for row in rows]),
            without=undone.pseudonym,
        )
        dropped = added - left
        kept = {row.pseudonym for row in rows} - dropped
        with audited(actor=actor, now=now) as trail:
            _drop(request, dropped, left=len(left), trail=trail)
            if request.behind_id is not None:
                _stand_anew_if_freed(request, trail=trail)
            for follower in followers:
                if _asks_still(follower, kept=kept, dropped=dropped, trail=trail):
                    stand_anew(follower, trail=trail)
    return request


def _asks_still(
    request: DeletionRequest, *, kept: Collection[UUID], dropped: Collection[UUID], trail: Trail
) -> bool:
    """Undo a link in a locked request that stood behind the one in which an officer undid it.

    Say whether it asks for anybody whom that one dropped, all the same.
    """
    rows = list(request.identifiers.all())
    marks = {row.pseudonym for row in rows}
    added = {row.pseudonym for row in rows if row.by_link}
    if marks.isdisjoint(dropped):
        return False
    # It may have been opened by either of the two people whom the wrong link made one.
    links = without_bridges(links_among(marks), kept=kept, dropped=dropped)
    left = added & still_reached(marks - added, links)
    if wrong := added - left:
        _drop(request, wrong, left=len(left), trail=trail)
    return not (marks - wrong).isdisjoint(dropped)


def _drop(request: DeletionRequest, marks: Collection[UUID], *, left: int, trail: Trail) -> None:
    request.identifiers.filter(pseudonym__in=marks).delete()
    trail.record(
        LinkUndone(request_id=str(request.pk), removed=len(marks), left=left),
        about=f"request/{request.pk}",
    )


def _locked(request_id: UUID) -> tuple[DeletionRequest, Sequence[DeletionRequest]]:
    """Return a request and the open ones behind it, locked with all that may lead for them."""
    behind = DeletionRequest.objects.filter(
        behind=request_id, state__in=[state.value for state in OPEN]
    )
    mine = {request_id, *behind.values_list("pk", flat=True)}
    identifiers = RequestIdentifier.objects.filter(request__in=mine)
    leaders = leading(list(identifiers.values_list("pseudonym", flat=True)))
    rows = {row.pk: row for row in lock_requests({*mine, *leaders.values()})}
    if request_id not in rows:
        raise RequestUnknown
    # Nobody else comes to stand behind it now; one may have come while the locks were waited for.
    return rows[request_id], lock_requests(behind.values_list("pk", flat=True))


def _require_not_begun(request: DeletionRequest) -> None:
    if request.state == RequestState.MERGED:
        raise MoveNotAllowed(
            "the request is merged: undo the link in the one that it was merged into, or the merge"
        )
    if not is_unplanned(request):
        raise MoveNotAllowed(
            "the request is planned, or its work has begun, or it has ended: hold it before its"
            " plan is approved, and the link can be undone again"
        )


def _stand_anew_if_freed(request: DeletionRequest, *, trail: Trail) -> None:
    marks = list(request.identifiers.values_list("pseudonym", flat=True))
    leader = leader_of(marks, leaders_for(marks), is_unverified=False)
    if leader is None or leader.request_id != request.behind_id:
        stand_anew(request, trail=trail)


def _mark_of(claim: Claim) -> UUID:
    return pseudonym_of(claim.digest, namespace=claim.namespace, key=settings.PSEUDONYM_KEY)


def _forgotten(claims: Iterable[Claim], *, now: datetime) -> set[Claim]:
    tags = {
        suppression_tag_of(
            claim.digest, namespace=claim.namespace, key=settings.SUPPRESSION_KEY
        ): claim
        for claim in claims
    }
    listed = suppressed(now=now).filter(pk__in=tags.keys()).values_list("pk", flat=True)
    return {tags[tag] for tag in listed}


def _in_order(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    return (one, other) if one < other else (other, one)


def _these(pairs: Collection[tuple[UUID, UUID]]) -> QuerySet[Link]:
    # Both ends are asked for: one of them alone may have a crowd of links.
    wanted = Link.objects.filter(
        one__in={one for one, _ in pairs}, other__in={other for _, other in pairs}
    )
    found = wanted.values_list("pk", "one_id", "other_id")
    return Link.objects.filter(pk__in=[pk for pk, *ends in found if tuple(ends) in pairs])


def _known(pairs: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    return set(_these(pairs).values_list("one_id", "other_id"))


def _delete_unlinked(marks: Collection[UUID]) -> None:
    linked = Link.objects.filter(Q(one=OuterRef("pk")) | Q(other=OuterRef("pk")))
    LinkedIdentifier.objects.filter(~Exists(linked), pk__in=list(marks)).delete()
