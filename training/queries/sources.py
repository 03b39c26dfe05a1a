"""Reads what a model may be trained on, and what a run needs to read it."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings

from lineage.graph import NodeKind, VersionState
from lineage.models import DatasetVersion, Node
from lineage.queries import adapter_of, column_of, member_shards, sharding_of
from privacy import recipes
from privacy.models import Release
from privacy.states import ReleaseState
from training import profiles
from training.errors import DataRefused
from training.manifests import SourceSaid
from training.models import Model, ModelVersion, TrainingRun
from training.outside.declared import OutsideTrainer
from training.plans import Recipe, planned_fills, planned_once
from training.profiles import Profile
from training.queries.trainers import trainer_named
from training.reading import Source
from training.releases import read_release
from training.trainers.protocol import Material, ReleaseData

_DRAWN: Final = (ReleaseState.COMMITTED, ReleaseState.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The node that a model is trained on, and whether that may be done now."""

    node: Node
    dataset: DatasetVersion  # itself, or the one that the release was drawn from
    release: Release | None

    @property
    def refusal(self) -> str:
        """Say why nothing may be trained on it now; nothing if it may."""
        if self.release is not None and self.release.state == ReleaseState.WITHDRAWN:
            return "the release was withdrawn: its source was given up by order"
        if self.dataset.state == VersionState.CLEAR:
            return ""
        whose = "the release was drawn from" if self.release else "this is"
        return (
            f"{whose} version {self.dataset.seq} of {self.dataset.family.name}, which is "
            f"{self.dataset.state}"
        )


def origin_of(node_id: int) -> Origin:
    """Return a dataset version or a release as something to learn from, if that is allowed."""
    dataset = DatasetVersion.objects.select_related("family", "node").filter(node=node_id).first()
    if dataset is not None:
        return Origin(node=dataset.node, dataset=dataset, release=None)
    release = (
        Release.objects.select_related("node", "recipe", "dataset_version__family")
        .filter(node=node_id, state__in=_DRAWN)
        .first()
    )
    if release is None or release.node is None:
        raise DataRefused("nothing can be trained on that node")
    return Origin(node=release.node, dataset=release.dataset_version, release=release)


def newest_source(model_id: int) -> int:
    """Return the node that a model is best trained on now.

    That is the newest clear version of its family, or the newest release drawn from a clear one.
    Where there is none, the newest of all is returned: the gates say what is wrong with it.
    """
    model = Model.objects.select_related("family").get(pk=model_id)
    nodes: list[tuple[bool, int]] = []
    match trainer_named(model.trainer).material:
        case Material.PEOPLE:
            versions = DatasetVersion.objects.filter(family=model.family_id).order_by("-seq")
            nodes = [(version.state == VersionState.CLEAR, version.node_id) for version in versions]
        case Material.RELEASE:
            releases = (
                Release.objects.filter(
                    recipe__family=model.family_id,
                    state__in=_DRAWN,
                    node__isnull=False,
                )
                .select_related("recipe", "dataset_version__family")
                .order_by("-finished_at")
            )
            nodes = [
                (release.dataset_version.state == VersionState.CLEAR, release.node_id)
                for release in releases
                if release.node_id is not None and _is_material(model, release)
            ]
    if not nodes:
        family = model.family.name if model.family else ""
        raise DataRefused(f"there is nothing to train {model.name} on in {family}")
    return next((node for is_clear, node in nodes if is_clear), nodes[0][1])


def _is_material(model: Model, release: Release) -> bool:
    if release.state == ReleaseState.WITHDRAWN:  # nobody can look any more; the gates refuse it
        return True
    try:
        release_data_of(model, release)
    except DataRefused:  # another question about the same people
        return False
    return True


def require_fit_for(model: Model, origin: Origin) -> None:
    """Raise `DataRefused` unless the model's trainer learns from such a thing of its family."""
    material = trainer_named(model.trainer).material
    if (material is Material.RELEASE) != (origin.release is not None):
        raise DataRefused(f"{model.trainer} learns from {material.value}, this is {origin.node}")
    if origin.dataset.family_id != model.family_id:
        raise DataRefused(f"{model.name} is not trained on {origin.dataset.family.name}")


def source_of(dataset: DatasetVersion) -> Source:
    """Return what is needed to read a dataset version."""
    family = dataset.family
    return Source(
        store=adapter_of(family.store_id),
        digests={part["name"]: part["digest"] for part in dataset.parts},
        column=column_of(family),
        label=family.label,
        members=member_shards(version_id=dataset.pk),
        sharding=sharding_of(family),
        pseudonym_key=settings.PSEUDONYM_KEY,
    )


def release_data_of(model: Model, release: Release) -> ReleaseData:
    """Return what a release says as a trainer's material."""
    recipe = recipes.parse(release.recipe.declaration)
    return read_release(
        release.result or {},
        keys=recipe.keys.column,
        label=release.dataset_version.family.label,
        names=model.features,
    )


def evaluation_of(origin: Origin) -> DatasetVersion:
    """Return the dataset version whose held-out people measure what is trained on an origin.

    A release has none of its own; the family's newest clear version holds the same people out.
    """
    if origin.release is None:
        return origin.dataset
    newest = (
        DatasetVersion.objects.select_related("family", "node")
        .filter(family=origin.dataset.family_id, state=VersionState.CLEAR)
        .order_by("-seq")
        .first()
    )
    return newest or origin.dataset


def recipe_of(run: TrainingRun) -> Recipe:
    """Return what is the same for all shards of a run."""
    trainer = trainer_named(run.model.trainer)
    return Recipe(
        model=run.model.name,
        revision=trainer.revision,
        parameters=run.model.parameters,
        slices=trainer.slices_of(run.model.parameters),
        fills=planned_fills(run.plan),
        once=planned_once(run.plan),
        occasion=str(run.pk) if isinstance(trainer, OutsideTrainer) else "",
        parent=parent_key(run.model, run.parent),
    )


def parent_key(model: Model, parent: ModelVersion | None) -> str:
    """Return what stands for a parent in the keys of snapshots: another version, other bytes."""
    return f"{model.descent} {parent.artefact_digest}" if parent is not None else ""


def profile_before(model_id: int) -> Profile | None:
    """Return the profile of what the newest version of a model that qualified was trained on."""
    manifests = (
        ModelVersion.objects.filter(model_id=model_id, qualification__passed=True)
        .order_by("-number")
        .values_list("manifest", flat=True)
    )
    said = (manifests.first() or {}).get("profile")
    return profiles.from_json(said) if isinstance(said, dict) else None


def said_of(origin: Origin) -> SourceSaid:
    """Return what a manifest says about an origin."""
    family = origin.dataset.family
    return SourceSaid(
        kind=NodeKind(origin.node.kind).value,
        name=origin.node.name,
        version=origin.node.version,
        member_digest=origin.dataset.member_digest,
        parts={part["name"]: part["digest"] for part in origin.dataset.parts},
        shards=family.shards,
        hold_out_permille=family.hold_out_permille,
    )
