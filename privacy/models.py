"""Recipes, accounts with their journal, releases and shielding policies, as rows."""

from uuid import uuid4

from django.db import models
from typing_extensions import override

from lineage.models import DatasetFamily, DatasetVersion, LeasedWork, Namespace, Node
from privacy.states import ANSWERING, ReleaseState


class Account(models.Model):
    """What may still be said about the people of one dataset family, in nano-rho of zCDP.

    One account per source and privacy unit; every analyst draws on the same one.
    """

    family = models.OneToOneField(
        DatasetFamily, on_delete=models.PROTECT, related_name="privacy_account"
    )
    unit = models.ForeignKey(Namespace, on_delete=models.PROTECT)
    cap_nano_rho = models.BigIntegerField()
    spent_nano_rho = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="never_spent_more_than_the_cap",
                condition=models.Q(spent_nano_rho__lte=models.F("cap_nano_rho")),
            ),
            models.CheckConstraint(
                name="never_spent_less_than_nothing", condition=models.Q(spent_nano_rho__gte=0)
            ),
            models.CheckConstraint(
                name="an_account_holds_something", condition=models.Q(cap_nano_rho__gt=0)
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"account of {self.family_id}"


class Recipe(models.Model):
    """The declaration of an anonymised input; a changed declaration is a new revision."""

    name = models.CharField(max_length=64)
    revision = models.PositiveIntegerField()
    declaration = models.JSONField()
    digest = models.CharField(max_length=64, unique=True)
    family = models.ForeignKey(DatasetFamily, on_delete=models.PROTECT, related_name="recipes")
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_recipe_revision", fields=["family", "name", "revision"]
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.name} r{self.revision}"


class Release(LeasedWork):
    """One draw of a recipe on one dataset version."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    recipe = models.ForeignKey(Recipe, on_delete=models.PROTECT, related_name="releases")
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT)
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in ReleaseState])
    cost_nano_rho = models.BigIntegerField()
    epsilon = models.DecimalField(max_digits=12, decimal_places=6)  # at `delta`, rounded up
    delta = models.DecimalField(max_digits=20, decimal_places=18)
    node = models.OneToOneField(
        Node, null=True, blank=True, on_delete=models.PROTECT, related_name="release"
    )
    result = models.JSONField(null=True, blank=True)
    reserved_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # Post-processing is free: the same question about the same data gets the first draw.
            models.UniqueConstraint(
                name="one_draw_per_recipe_and_version",
                fields=["recipe", "dataset_version"],
                condition=models.Q(state__in=sorted(state.value for state in ANSWERING)),
            ),
            models.CheckConstraint(
                name="a_release_costs_something", condition=models.Q(cost_nano_rho__gt=0)
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"release of {self.recipe_id} ({self.state})"


class JournalEntry(models.Model):
    """One movement of an account: append-only, a trigger refuses UPDATE and DELETE."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="journal")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="journal")
    nano_rho = models.BigIntegerField()  # positive: debited; negative: refunded
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "journal entries"

    @override
    def __str__(self) -> str:
        return f"{self.nano_rho} of {self.account_id}"


class ShieldPolicy(models.Model):
    """Under which bound a model behind a release may wait with its retraining, and until when.

    It is a policy about risk, never a legal exemption.
    """

    name = models.CharField(max_length=64, unique=True)
    family = models.ForeignKey(
        DatasetFamily, on_delete=models.PROTECT, related_name="shield_policies"
    )
    max_epsilon = models.DecimalField(max_digits=12, decimal_places=6)
    max_delta = models.DecimalField(max_digits=20, decimal_places=18)
    max_deletions = models.PositiveIntegerField()  # k people: the group bound grows with k squared
    reason = models.CharField(max_length=300)
    approved_by = models.CharField(max_length=64)
    approved_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "shield policies"
        constraints = [
            models.CheckConstraint(
                name="a_policy_expires_after_its_approval",
                condition=models.Q(expires_at__gt=models.F("approved_at")),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name
