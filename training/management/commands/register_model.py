"""`manage.py register_model NAME --family F --purpose TEXT ...`."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.management.arguments import name, whole_number
from lineage.management.refusals import in_one_line
from lineage.queries import family_named
from training import actions, errors
from training.descent import Descent
from training.queries import trainer_names


class Command(BaseCommand):
    help = "Declare what a model is for, what it learns from, and what answers in its place."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", type=name)
        parser.add_argument("--family", required=True, type=name, help="the training set")
        parser.add_argument("--purpose", required=True, help="what the model is used for")
        parser.add_argument("--trainer", default="sharded-sklearn", choices=trainer_names())
        parser.add_argument(
            "--parameters", type=_parameters, default={}, help="the trainer's, as a JSON object"
        )
        parser.add_argument(
            "--features",
            nargs="+",
            default=[],
            metavar="COLUMN",
            help="default: every column beside the identifiers and the label",
        )
        parser.add_argument(
            "--margin",
            type=whole_number(1, 1000),
            default=50,
            metavar="PERMILLE",
            help="how much worse than the champion a new version may be; default: 50",
        )
        parser.add_argument(
            "--uses",
            nargs="+",
            default=[],
            type=name,
            metavar="USE",
            help="names of the uses it may be loaded for, beside its purpose",
        )
        parser.add_argument(
            "--qualified-days",
            type=whole_number(1, 3650),
            metavar="DAYS",
            help="how long a version may serve before it is measured again; default: RELEASE_DAYS",
        )
        came = parser.add_mutually_exclusive_group()
        came.add_argument(
            "--fine-tuned-from",
            metavar="MODEL",
            type=name,
            help="go on from the weights of the version of MODEL that serves",
        )
        came.add_argument(
            "--distilled-from",
            metavar="MODEL",
            type=name,
            help="learn what that version answers, not the labels in the rows",
        )
        parser.add_argument("--fallback", metavar="LABEL", help="the answer when no version may")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        fallback = {"label": options["fallback"]} if options["fallback"] else {}
        with in_one_line(errors):
            model = actions.register_model(
                name=options["name"],
                purpose=options["purpose"],
                trainer=options["trainer"],
                parameters=options["parameters"],
                features=options["features"],
                family_id=family_named(options["family"]).pk,
                margin_permille=options["margin"],
                fallback=fallback,
                uses=options["uses"],
                qualified_days=options["qualified_days"],
                parent=_parent(options),
                actor=Actor("command:register_model"),
                now=timezone.now(),
            )
        self.stdout.write(f"model {model.name}: {model.trainer} on {options['family']}")


def _parent(options: dict[str, Any]) -> tuple[Descent, str] | None:
    if options["fine_tuned_from"]:
        return Descent.FINE_TUNED, options["fine_tuned_from"]
    if options["distilled_from"]:
        return Descent.DISTILLED, options["distilled_from"]
    return None


def _parameters(text: str) -> dict[str, object]:
    try:
        said = json.loads(text)
    except json.JSONDecodeError as malformed:
        raise ArgumentTypeError(f"not JSON: {malformed.msg}") from malformed
    if not isinstance(said, dict):
        raise ArgumentTypeError('a JSON object, such as {"estimator": "naive-bayes"}')
    return said
