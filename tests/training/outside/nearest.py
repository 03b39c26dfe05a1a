"""A trainer of somebody else's: the nearest class mean, as a command that knows nothing of Lethe.

python nearest.py SPEC. What MISBEHAVE says in the declared environment, it does.
"""

import json
import os
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq


def features_of(spec, table):
    numbers = [name for name in spec["order"] if spec["features"][name] == "number"]
    return np.column_stack([table[name].to_numpy() for name in numbers])


def train(spec, table):
    rows, labels = features_of(spec, table), np.array(table[spec["label"]].to_pylist())
    classes = sorted(set(labels))
    means = [rows[labels == name].mean(axis=0).tolist() for name in classes]
    return json.dumps({"classes": classes, "means": means}).encode()


def predict(spec, table, artefact):
    held = json.loads(artefact)
    rows, means = features_of(spec, table), np.array(held["means"])
    apart = ((rows[:, None, :] - means[None]) ** 2).sum(axis=2)
    nearness = np.exp(-(apart - apart.min(axis=1, keepdims=True)))
    said = nearness / nearness.sum(axis=1, keepdims=True)
    return json.dumps({"classes": held["classes"], "probabilities": said.tolist()}).encode()


def main():
    spec = json.loads(Path(sys.argv[1]).read_text())
    does = os.environ.get("MISBEHAVE", "")
    sys.stdout.write(f"{spec['work']} on {spec['rows']} rows\n")
    sys.stdout.flush()
    if does == "crash":
        sys.exit(3)
    if does.startswith("sleep"):
        Path(spec["output"]["result"]).with_name("progress").write_text("40")
        waits = Path(does.partition(" ")[2])
        while not waits.exists():
            time.sleep(0.02)
    table = pq.read_table(spec["inputs"]["rows"])
    if spec["work"] == "train":
        made = train(spec, table)
    else:
        made = predict(spec, table, Path(spec["inputs"]["artefact"]).read_bytes())
    Path(spec["output"]["made"]).write_bytes(made)
    digests = {
        name: sha256(Path(place).read_bytes()).hexdigest() for name, place in spec["inputs"].items()
    }
    if does == "lie":
        digests["rows"] = sha256(b"other rows").hexdigest()
    result = {
        "contract": 1,
        "key": spec["key"],
        "read": {"digests": digests, "rows": table.num_rows},
        "output": sha256(made).hexdigest(),
        "metrics": {"rows seen": table.num_rows},
    }
    Path(spec["output"]["result"]).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
