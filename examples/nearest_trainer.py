"""A trainer of your own, as a command: the nearest class mean of scaled numbers.

Lethe calls it with the path of a specification, once to train and once more for each time that it
wants predictions. docs/how-to/bring-your-own-trainer.md explains each line.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def train(spec: dict[str, Any], table: pa.Table) -> bytes:
    """Return an artefact: any bytes, which only this program has to understand."""
    rows = np.column_stack([table[name].to_numpy() for name in spec["order"]])
    labels = np.array(table[spec["label"]].to_pylist())
    scale = rows.std(axis=0) + 1e-9
    means = {name: (rows[labels == name].mean(axis=0) / scale).tolist() for name in set(labels)}
    return json.dumps({"scale": scale.tolist(), "means": means}, sort_keys=True).encode()


def predict(spec: dict[str, Any], table: pa.Table) -> bytes:
    """Return a probability for each row and class, in the order of the rows."""
    held = json.loads(Path(spec["inputs"]["artefact"]).read_bytes())
    rows = np.column_stack([table[name].to_numpy() for name in spec["order"]])
    classes = sorted(held["means"])
    means = np.array([held["means"][name] for name in classes])
    apart = ((rows[:, None, :] / held["scale"] - means) ** 2).sum(axis=2)
    near = np.exp(-apart + apart.min(axis=1, keepdims=True))
    said = near / near.sum(axis=1, keepdims=True)
    return json.dumps({"classes": classes, "probabilities": said.tolist()}).encode()


spec = json.loads(Path(sys.argv[1]).read_text())
table = pq.read_table(spec["inputs"]["rows"])
made = {"train": train, "predict": predict}[spec["work"]](spec, table)
Path(spec["output"]["made"]).write_bytes(made)
inputs = spec["inputs"].items()
result = {
    "contract": 1,
    "key": spec["key"],
    # Not repeated from the specification, which does not say them: found by reading.
    "read": {
        "digests": {name: sha256(Path(place).read_bytes()).hexdigest() for name, place in inputs},
        "rows": table.num_rows,
    },
    "output": sha256(made).hexdigest(),
    "metrics": {"rows": table.num_rows},
}
Path(spec["output"]["result"]).write_text(json.dumps(result))
print(f"{spec['work']}: {table.num_rows} rows")
