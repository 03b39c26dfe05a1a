"""What callers say to the training app and what they see."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from training.api.fields import (
    NameField,
    ParametersField,
    RulesField,
    ScopeField,
    StrictIntegerField,
    WordsField,
)
from training.descent import Descent
from training.evidence import EvidenceClass, closes, refusal_of
from training.models import Attestation, GateVerdict, Model, ModelVersion, Stop
from training.states import RunState


class FallbackIn(serializers.Serializer[None]):
    """What answers when no version may: always the same class."""

    label = WordsField(max_length=200)  # type: ignore[assignment]  # the form's word for it


class ComesFrom(serializers.Serializer[None]):
    """The model that another one comes from: from its version that serves at the time."""

    model = NameField()
    descent = serializers.ChoiceField(choices=[descent.value for descent in Descent])


class ModelIn(serializers.Serializer[None]):
    """A model to be registered."""

    name = NameField()
    purpose = WordsField(max_length=300)
    family = NameField(help_text="The training set that it learns from.")
    trainer = NameField(
        default="sharded-sklearn",
        help_text="One that is installed, or that the operator has declared.",
    )
    parameters = ParametersField(default=dict)
    features = serializers.ListField(
        child=WordsField(max_length=200),
        default=list,
        max_length=2000,
        help_text="Column names; left out: every column beside the identifiers and the label.",
    )
    margin_permille = StrictIntegerField(
        min_value=1,
        max_value=1000,
        default=50,
        help_text="How much worse than the champion a new version may be.",
    )
    fallback = FallbackIn(default=dict)
    uses = serializers.ListField(
        child=NameField(),
        default=list,
        max_length=100,
        help_text="Names of the uses it may be loaded for, beside its purpose.",
    )
    qualified_days = StrictIntegerField(
        min_value=1,
        max_value=3650,
        allow_null=True,
        default=None,
        help_text="How long a version may serve before it is measured again; left out: as the"
        " settings say.",
    )
    comes_from = ComesFrom(default=None, allow_null=True)


class ModelOut(serializers.ModelSerializer[Model]):
    """A registered model."""

    family = serializers.CharField(source="family.name")
    comes_from = serializers.SerializerMethodField()
    parameters = ParametersField()
    features = serializers.ListField(child=serializers.CharField())
    fallback = serializers.DictField()
    uses = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Model
        fields = [
            *("name", "purpose", "family", "trainer", "parameters", "features"),
            *(
                "margin_permille",
                "fallback",
                "uses",
                "qualified_days",
                "comes_from",
                "registered_at",
            ),
        ]

    @extend_schema_field(ComesFrom(allow_null=True))
    def get_comes_from(self, model: Model) -> dict[str, str] | None:
        """Return the model that it comes from, and how."""
        if model.parent is None:
            return None
        return {"model": model.parent.name, "descent": model.descent}


class VerdictOut(serializers.ModelSerializer[GateVerdict]):
    """What one gate said about the data of a training."""

    measured = serializers.DictField(help_text="Counts and shares; never a value of a record.")

    class Meta:
        model = GateVerdict
        fields = ["gate", "passed", "reason", "measured"]


class GatesIn(serializers.Serializer[None]):
    """What the data of a training set has to be."""

    rules = RulesField()


class GatesOut(serializers.Serializer[Any]):
    """What is declared about a training set, defaults included."""

    family = serializers.CharField()
    number = serializers.IntegerField(help_text="0: nothing is declared, and these are usual.")
    digest = serializers.CharField()
    rules = RulesField()
    declared_by = serializers.CharField()
    declared_at = serializers.DateTimeField(allow_null=True)


class ModelVersionOut(serializers.ModelSerializer[ModelVersion]):
    """One trained state of a model."""

    metrics = serializers.DictField()
    manifest = serializers.DictField()
    gates = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields = [
            *("number", "state", "artefact_digest", "evidence_class", "metrics"),
            *("manifest", "gates"),
            *("trained_at", "withdrawn_at", "destroyed_at"),
        ]

    @extend_schema_field(VerdictOut(many=True))
    def get_gates(self, version: ModelVersion) -> Any:
        """Return what the gates said about its data; a version that no run kept has none."""
        run = getattr(version, "run", None)
        said = sorted(run.verdicts.all(), key=lambda verdict: verdict.pk) if run else []
        return VerdictOut(said, many=True).data


class ModelShownOut(serializers.Serializer[Any]):
    """A model with its versions, and the key that signs what is said about it."""

    model = ModelOut()
    stopped = serializers.BooleanField()
    verifier_key = serializers.CharField()
    versions = ModelVersionOut(many=True)


class SignatureOut(serializers.Serializer[None]):
    """One signature of an envelope."""

    keyid = serializers.CharField()
    sig = serializers.CharField()


class EnvelopeOut(serializers.Serializer[None]):
    """A DSSE envelope over an in-toto statement, signed with Ed25519."""

    payload = serializers.CharField()
    payloadType = serializers.CharField()  # noqa: N815  # DSSE's own spelling
    signatures = SignatureOut(many=True)


class AttestationIn(serializers.Serializer[None]):
    """An officer's word that another tool's model version is gone.

    A removal that is `certified` or `approximate` is kept on record and closes nothing.
    """

    model = WordsField(max_length=120)
    version = WordsField(max_length=64)
    reason = WordsField(max_length=300, help_text="Name nobody: neither a person nor an address.")
    evidence_digest = serializers.RegexField(
        r"^[0-9a-f]{64}\Z",
        trim_whitespace=False,
        help_text="SHA-256, hexadecimal, of the document that you keep.",
    )
    evidence_class = serializers.ChoiceField(
        [evidence.value for evidence in EvidenceClass], default=EvidenceClass.RETIRED.value
    )

    def validate_evidence_class(self, said: str) -> EvidenceClass:
        """Return the class that was named."""
        return EvidenceClass(said)


class AttestationOut(serializers.ModelSerializer[Attestation]):
    """An attestation: somebody's word, not proven by Lethe."""

    model = serializers.CharField(source="node.name")
    version = serializers.CharField(source="node.version")
    closes = serializers.SerializerMethodField(help_text="Whether requests go on without it.")
    refusal = serializers.SerializerMethodField(help_text="Why it closes nothing; else empty.")

    class Meta:
        model = Attestation
        fields = [
            *("model", "version", "reason", "evidence_class", "evidence_digest"),
            *("attested_by", "attested_at", "closes", "refusal"),
        ]

    def get_closes(self, row: Attestation) -> bool:
        """Say whether requests go on without the version."""
        return closes(EvidenceClass(row.evidence_class))

    def get_refusal(self, row: Attestation) -> str:
        """Say why it closes nothing."""
        return refusal_of(EvidenceClass(row.evidence_class))


class TrainingRunIn(serializers.Serializer[None]):
    """A training to be started on the newest data."""

    reason = WordsField(max_length=200)


class TrainingRunOut(serializers.Serializer[Any]):
    """How a training stands."""

    run_id = serializers.UUIDField()
    model = serializers.CharField()
    state = serializers.ChoiceField([state.value for state in RunState])
    reason = serializers.CharField(help_text="Why it was refused or failed.")
    forced = serializers.BooleanField()
    shards_hit = serializers.IntegerField()
    shards_total = serializers.IntegerField()
    version = serializers.IntegerField(allow_null=True)
    metrics = serializers.DictField()
    forecast = serializers.DictField(
        help_text="What it was expected to cost to fit the `parts` hit, and to fit everything "
        "(`full`), in `unit`; and the `choice`. Empty before the data was checked."
    )
    fitting_seconds = serializers.FloatField(
        allow_null=True, help_text="What the fits took together, in seconds of one worker."
    )
    evidence = serializers.DictField()
    gates = VerdictOut(many=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class StopIn(serializers.Serializer[None]):
    """A stop to be pulled."""

    scope = ScopeField(
        help_text="`everything`, `model/` and a model's name, `pool/erasure`, or `pool/training/`"
        " and the name of a pool of models. Under a pool's stop, what is released still answers."
    )
    reason = WordsField(max_length=300)


class StopOut(serializers.ModelSerializer[Stop]):
    """A stop: nothing starts in its scope until two people have lifted it."""

    class Meta:
        model = Stop
        fields = [
            *("scope", "reason", "raised_by", "raised_at"),
            *("lift_proposed_by", "lifted_by", "lifted_at"),
        ]
