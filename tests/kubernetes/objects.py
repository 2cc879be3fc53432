"""Names the objects of a rendered overlay, one a line: objects.py MANIFESTS."""

import pathlib
import sys

import yaml

for thing in yaml.safe_load_all(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")):
    where = thing["metadata"]
    print(thing["kind"], where.get("namespace", "-"), where["name"])
