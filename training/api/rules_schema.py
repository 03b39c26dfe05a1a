"""The rules for data as the schema of the API describes them; `training.gates.parse` reads them."""

from typing import Any, Final

from training.gates.declaring import LONGEST_NAME, MOST_LISTED
from training.gates.rules import Holds

_Schema = dict[str, Any]


def _object(**properties: _Schema) -> _Schema:
    required = [name for name, part in properties.items() if part is _COLUMN]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _whole(least: int, most: int, said: str) -> _Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "description": said}


def _permille(said: str, *, least: int = 0) -> _Schema:
    return _whole(least, 1000, f"{said}, in per mille.")


def _texts(said: str) -> _Schema:
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
    return {
        "type": "array",
        "items": text,
        "minItems": 1,
        "maxItems": MOST_LISTED,
        "uniqueItems": True,
        "description": said,
    }


_COLUMN: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_NAME,
    "description": "Its name.",
}
_RULE: Final = _object(
    holds={"type": "string", "enum": [one.value for one in Holds]},
    least={"type": "number"},
    most={"type": "number"},
    allowed=_texts("The categories that may stand there."),
    outside_permille=_permille("Rows that may be out of range, or not allowed"),
    missing_permille=_permille("Rows that may have nothing there"),
    fill={
        "description": "What stands in for nothing, learned in each shard; or no gap is borne.",
        "oneOf": [
            {"type": "string", "enum": ["median", "mode", "refuse"]},
            {
                "type": "object",
                "properties": {"constant": {"oneOf": [{"type": "string"}, {"type": "number"}]}},
                "required": ["constant"],
                "additionalProperties": False,
            },
        ],
    },
    back_filled_permille=_permille("It may be new, if so many rows are filled in", least=1),
    may_go={"type": "boolean", "description": "It may be gone."},
)

RULES: Final = {
    "description": "Rules for data; what is left out is usual. A refusal names the place.",
    **_object(
        limits=_object(
            duplicates_permille=_permille("Rows that repeat a row of the same person"),
            missing_permille=_permille("Rows in which a feature may be missing"),
            new_categories_permille=_permille("Rows with a category that was not usual"),
            doublings=_whole(1, 64, "By which the usual size of a number may change."),
            most_classes=_whole(2, 10_000, "Values that a label may have."),
        ),
        day=_object(
            column=_COLUMN,
            weekdays={
                "type": "array",
                "items": {"type": "integer", "minimum": 1, "maximum": 7},
                "minItems": 1,
                "description": "On which rows are expected; 1 is Monday.",
            },
            missing=_whole(0, 3650, "Days that may have no row."),
            deviations={
                "type": "number",
                "minimum": 1,
                "maximum": 1000,
                "description": "Robust standard deviations by which a day may differ.",
            },
            by_weekday={"type": "boolean", "description": "Compare Mondays with Mondays."},
            days_old=_whole(0, 3650, "How old the newest day may be at the registration."),
        ),
        source=_object(
            column=_COLUMN,
            expected=_texts("The sources; left out: those of the last good version."),
            most_permille=_permille("Rows that one source may have", least=1),
            change_permille=_whole(10, 1000, "By which a source's share may change, in per mille."),
        ),
        near_duplicates=_object(
            digits=_whole(1, 15, "Significant digits in which numbers must agree."),
            same_person_permille=_permille("Rows that nearly repeat one of the same person"),
            other_people_permille=_permille("Rows that nearly repeat one of somebody else"),
            drop={"type": "boolean", "description": "Leave those of the same person out."},
        ),
        drift=_object(
            most={
                "type": "number",
                "minimum": 0.01,
                "maximum": 100,
                "description": "Population stability index that is borne.",
            },
        ),
        drop_repeats={
            "type": "boolean",
            "description": "Leave rows out that repeat one of the same person.",
        },
        columns={
            "type": "object",
            "additionalProperties": _RULE,
            "maxProperties": MOST_LISTED,
            "description": "By name.",
        },
    ),
}
