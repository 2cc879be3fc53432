"""Holds the JSON Schema against tunectl's own verdicts, with check-jsonschema as the judge.

A baseline that tunectl takes must be valid; one that it refuses must be invalid, unless it is in
the list of those whose mistake is not one of form.
"""

import json
import pathlib
import subprocess
import sys

SCHEMA = "packaging/schema/baseline-1.schema.json"
HERE = pathlib.Path(__file__).parent


def verdicts():
    """Each baseline that there is, and whether tunectl makes a plan of it."""
    for path in sorted(pathlib.Path("baselines").glob("*.yaml")):
        yield path, True
    for path in sorted(pathlib.Path("tests/golden/messages").rglob("*.yaml")):
        told = path.with_suffix(".txt")
        if told.exists():
            yield path, "-- a plan, and exit 0" in told.read_text()


def main():
    known = dict(verdicts())
    assert sum(known.values()) > 10 and len(known) > 100, "too few baselines found"
    ran = subprocess.run(
        [sys.argv[1], "--output-format", "json", "--schemafile", SCHEMA, *map(str, known)],
        capture_output=True, text=True, check=False,
    )
    result = json.loads(ran.stdout)
    wrong = {e["filename"] for e in result["errors"]} | {e["filename"] for e in result.get("parse_errors", [])}
    listed = {line for line in (HERE / "schema-leaves.list").read_text().splitlines() if line[:1] != "#"}
    bad = 0
    for path, good in known.items():
        name, valid = path.relative_to(path.parts[0]).as_posix(), str(path) not in wrong
        if good and not valid:
            print(f"{path}: tunectl takes it, the schema does not")
        elif not good and valid and name not in listed:
            print(f"{path}: tunectl refuses it, the schema takes it, and it is not listed")
        elif name in listed and (good or not valid):
            print(f"{path}: listed as left to tunectl, but the schema sees it")
        else:
            continue
        bad += 1
    print(f"{len(known)} baselines: {sum(known.values())} good, {len(wrong)} refused by the schema,"
          f" {len(listed)} left to tunectl")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
