"""Check a folder of evidence, without a database and without a network."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from audits.bundle import verify_bundle
from audits.errors import BundleInvalid
from audits.export import is_export, verify_export
from audits.notes import NoteKey, read_key


class Command(BaseCommand):
    help = (
        "Check a certificate's bundle, or an exported trail; exits with 1 if anything does not fit."
    )
    requires_system_checks = ()

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the bundle, or the exported trail")
        parser.add_argument(
            "--trail-key", metavar="KEY", help="the only key that may have signed the checkpoint"
        )
        parser.add_argument(
            "--key", metavar="KEY", help="the only key that may have signed the certificate"
        )
        parser.add_argument(
            "--checkpoint",
            metavar="FILE",
            type=Path,
            help="an older checkpoint that you kept; an exported trail must begin with it",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            trail_key, certificate_key = (
                read_key(text) if (text := options[name]) else None for name in ("trail_key", "key")
            )
            if is_export(options["folder"]):
                self._verify_export(options, trail_key)
            else:
                self._verify_bundle(options, trail_key, certificate_key)
        except BundleInvalid as invalid:
            raise CommandError(f"refused: {invalid}") from invalid

    def _verify_bundle(
        self, options: dict[str, Any], trail_key: NoteKey | None, certificate_key: NoteKey | None
    ) -> None:
        if options["checkpoint"]:
            raise BundleInvalid("an older checkpoint is compared with an exported trail only")
        verdict = verify_bundle(
            options["folder"],
            trail_key=trail_key,
            certificate_key=certificate_key,
            passed=self._passed,
        )
        if trail_key is None:
            self._unpinned("--trail-key", verdict.trail_key)
        if certificate_key is None:
            self._unpinned("--key", verdict.certificate_key)
        self.stdout.write(
            f"verified: {verdict.entry.event} about {verdict.entry.about}"
            f" at {verdict.entry.at:%Y-%m-%d %H:%M:%S} UTC"
        )

    def _verify_export(self, options: dict[str, Any], trail_key: NoteKey | None) -> None:
        verdict = verify_export(
            options["folder"],
            trail_key=trail_key,
            older=options["checkpoint"],
            passed=self._passed,
        )
        if trail_key is None:
            self._unpinned("--trail-key", verdict.trail_key)
        self.stdout.write(f"verified: the trail {verdict.head.origin}, {verdict.head.size} facts")

    def _passed(self, check: str) -> None:
        self.stdout.write(f"ok: {check}")

    def _unpinned(self, option: str, key: NoteKey) -> None:
        self.stdout.write(
            f"note: the key is the folder's own; compare it with one published elsewhere, or name"
            f" it with {option}\n      {key.text}"
        )
