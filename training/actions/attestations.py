"""What officers attest of models that other tools made: nobody here can look."""

from datetime import datetime

from audits.actions import answer_alerts
from audits.trail import Actor, audited
from lineage.errors import NodeUnknown
from lineage.graph import NodeKind
from lineage.models import Node
from training.errors import AlreadyAttested, VersionManaged
from training.events import VersionAttestedGone
from training.models import Attestation, ModelVersion


def attest_gone(  # noqa: PLR0913  # keyword-only, one a column
    *, model: str, version: str, reason: str, evidence_digest: str, actor: Actor, now: datetime
) -> Attestation:
    """Keep an officer's word that another tool's model version does not exist any more.

    The caller has checked that the actor is an officer. Requests that only waited for this version
    go on; their certificates say who attested it, and that Lethe has not proven it.
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
        if before is not None and before.attested_at >= node.registered_at:
            raise AlreadyAttested
        if before is not None:  # it was registered again meanwhile; the trail keeps what was said
            before.delete()
        attestation = Attestation.objects.create(
            node=node,
            reason=reason,
            evidence_digest=evidence_digest,
            attested_by=actor,
            attested_at=now,
        )
        about = f"model/{node.name}"
        trail.record(
            VersionAttestedGone(
                model=node.name, version=node.version, evidence_digest=evidence_digest
            ),
            about=about,
        )
        answer_alerts(
            about=f"{about} {node.version}"[:120],
            resolution="it was attested gone",
            actor=actor,
            now=now,
        )
    return attestation
