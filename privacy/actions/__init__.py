"""Every change of accounts, recipes, releases and policies, one audited transaction each."""

from privacy.actions.accounts import open_account, register_recipe
from privacy.actions.policies import approve_shield_policy
from privacy.actions.releases import (
    begin_drawing,
    claim,
    commit_release,
    expire,
    fail_release,
    postpone,
    reserve,
    void_release,
)
from privacy.actions.withdrawal import withdraw_releases

__all__ = [
    "approve_shield_policy",
    "begin_drawing",
    "claim",
    "commit_release",
    "expire",
    "fail_release",
    "open_account",
    "postpone",
    "register_recipe",
    "reserve",
    "void_release",
    "withdraw_releases",
]
