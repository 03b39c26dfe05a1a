"""What officers attest of models that other tools made: nobody here can look."""

from datetime import datetime

from audits.actions import answer_alerts
from audits.trail import Actor, audited
from lineage.errors import NodeUnknown
from lineage.graph import NodeKind
from lineage.models import Node
from training.errors import AlreadyAttested, VersionManaged
from training.events import RemovalNotAccepted, VersionAttestedGone
from training.evidence import EvidenceClass, closes
from training.models import Attestation, ModelVersion


def attest_gone(  # noqa: PLR0913  # keyword-only, one a column
    *,
    model: str,
    version: str,
    reason: str,
    evidence_class: EvidenceClass = EvidenceClass.RETIRED,
    evidence_digest: str,
    actor: Actor,
    now: datetime,
) -> Attestation:
    """Keep an officer's word that another tool's model version does not exist any more.

    The caller has checked that the actor is an officer. Requests that only waited for this version
    go on; their certificates say who attested it, and that Lethe has not proven it. A class of
    evidence that closes nothing is kept and recorded, and nothing goes on: `refusal_of` says why.
    """
    with audited(actor=actor, now=now) as trail:
        node = (
            Node.objects.select_for_update(no_key=True)
            .filter(kind=NodeKind.MODEL_VERSION, name=model, version=version)
            .first()
        )
        if node is None:
            raise NodeUnknown("no such model version")
        if ModelVersion.objects.filter(node=node).exists():
            raise VersionManaged
        before = Attestation.objects.filter(node=node).first()
        if (
            before is not None
            and before.attested_at >= node.registered_at
            and closes(EvidenceClass(before.evidence_class))
        ):
            raise AlreadyAttested
        if before is not None:  # what was said counts no more, or never did; the trail keeps it
            before.delete()
        attestation = Attestation.objects.create(
            node=node,
            reason=reason,
            evidence_class=evidence_class,
            evidence_digest=evidence_digest,
            attested_by=actor,
            attested_at=now,
        )
        about = f"model/{node.name}"
        said = VersionAttestedGone if closes(evidence_class) else RemovalNotAccepted
        trail.record(
            said(
                model=node.name,
                version=node.version,
                evidence=evidence_class.value,
                evidence_digest=evidence_digest,
            ),
            about=about,
        )
        if not closes(evidence_class):
            return attestation
        answer_alerts(
            about=f"{about} {node.version}"[:120],
            resolution="it was attested gone",
            actor=actor,
            now=now,
        )
    return attestation
