"""The rows that actions lock, always account before release, so that none waits for another."""

from uuid import UUID

from lineage.errors import LeaseLost
from lineage.leases import Token
from privacy.errors import AccountUnknown, ReleaseUnknown
from privacy.models import Account, Release


def lock_account(family_id: int) -> Account:
    """Lock the account that pays for a family's releases."""
    account = Account.objects.select_for_update(no_key=True).filter(family=family_id).first()
    if account is None:
        raise AccountUnknown
    return account


def lock_payer(release_id: UUID) -> Account:
    """Lock the account that paid for a release; the release itself is locked after it."""
    family = Release.objects.filter(pk=release_id).values_list("recipe__family", flat=True).first()
    if family is None:
        raise ReleaseUnknown
    return lock_account(family)


def lock_release(release_id: UUID) -> Release:
    """Lock a release."""
    release = Release.objects.select_for_update(no_key=True).filter(pk=release_id).first()
    if release is None:
        raise ReleaseUnknown
    return release


def lock_held(release_id: UUID, token: Token) -> Release:
    """Lock a release for the worker whose lease is the newest, and for nobody else."""
    release = lock_release(release_id)
    if release.fencing_token != token:
        raise LeaseLost
    return release
