"""The demo's real input: the 569 patients of the breast-cancer study that scikit-learn ships.

Every row is one real person with their real diagnosis (Street, Wolberg and Mangasarian, 1993). The
study published no identifiers, so each patient gets a stable one made from the row's number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer

FILES: Final = 4
ROW_GROUP_ROWS: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Patients:
    """The written training set."""

    folder: Path
    identifiers: Sequence[str]
    features: Sequence[str]
    files: int
    row_groups: int


def patient_id(row: int) -> str:
    """Return the stable identifier of one row of the study, such as `PAT-3F9A1C-0007`."""
    return f"PAT-{sha256(f'wdbc/{row}'.encode()).hexdigest()[:6].upper()}-{row:04d}"


def patients_table() -> pa.Table:
    """Return the study as a table: identifier, diagnosis as a category, thirty measurements."""
    study = load_breast_cancer()
    names = [name.replace(" ", "_") for name in study.feature_names]
    diagnosis = pa.array([str(study.target_names[target]) for target in study.target])
    return pa.table(
        {
            "patient_id": pa.array([patient_id(row) for row in range(len(study.target))]),
            "diagnosis": diagnosis.dictionary_encode(),
            **{name: pa.array(study.data[:, column]) for column, name in enumerate(names)},
        }
    )


def write_patients(folder: Path) -> Patients:
    """Write the study as several Parquet files with several row groups each."""
    table = patients_table()
    folder.mkdir(parents=True, exist_ok=True)
    each = -(-table.num_rows // FILES)
    groups = 0
    for number in range(FILES):
        path = folder / f"patients-{number}.parquet"
        pq.write_table(
            table.slice(number * each, each),
            path,
            row_group_size=ROW_GROUP_ROWS,
            compression="zstd",
        )
        groups += pq.read_metadata(path).num_row_groups
    return Patients(
        folder=folder,
        identifiers=table["patient_id"].to_pylist(),
        features=table.column_names[2:],
        files=FILES,
        row_groups=groups,
    )
