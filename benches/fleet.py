"""Runs tunectl, DuckDB and polars over the same reports in turn; see fleet.sh."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time

DUCKDB = """
import sys, duckdb
base = duckdb.connect()
base.execute("SET threads = 2")
base.execute("SET enable_progress_bar = false")
print(base.execute('''
    SELECT p.key, count(*) AS hosts
    FROM (SELECT unnest(parameters) AS p FROM read_json(?, format = 'newline_delimited',
          columns = {parameters: 'STRUCT("key" VARCHAR, live_status VARCHAR)[]'}))
    WHERE p.live_status NOT IN ('in_sync', 'pending') GROUP BY p.key ORDER BY p.key
''', [sys.argv[1]]).fetchall())
"""

POLARS = """
import sys, polars as pl
p = pl.Struct({"key": pl.String, "live_status": pl.String})
print(pl.scan_ndjson(sys.argv[1], schema={"parameters": pl.List(p)})
    .select(pl.col("parameters").explode()).unnest("parameters")
    .filter(~pl.col("live_status").is_in(["in_sync", "pending"]))
    .group_by("key").len().sort("key").collect(engine="streaming").rows())
"""


def peak(pid):
    """Its peak memory so far, in KiB. What wait4 says has this program's own in it, from before exec."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            lines = dict(line.split(":", 1) for line in status)
        return int(lines["VmHWM"].split()[0])
    except (OSError, KeyError):
        return 0


def timed(command):
    """What it prints, its seconds, its processor seconds, and its peak memory in MiB."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE,
                          env={**os.environ, "POLARS_MAX_THREADS": "2"}) as child:
        most, ended = 0, threading.Event()

        def watch():
            nonlocal most
            while not ended.wait(0.005):
                most = max(most, peak(child.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        out = child.stdout.read()
        ended.set()
        watcher.join()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command[0]} failed: {child.returncode}")
    took = time.monotonic() - began
    return out, took, usage.ru_utime + usage.ru_stime, most / 1024


def main():
    program, file, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    since = ["--since", "2026-11-25T12:00:00Z"]
    commands = {
        "tunectl fleet": [program, "fleet", *since, "--format", "json", file],
        "DuckDB": [sys.executable, "-c", DUCKDB, file],
        "polars": [sys.executable, "-c", POLARS, file],
    }
    runs = {name: [] for name in commands}
    answers = {}
    for _ in range(rounds):
        for name, command in commands.items():
            out, *figures = timed(command)
            runs[name].append(figures)
            answers[name] = out
    keys = [(d["key"], d["hosts"]) for d in json.loads(answers["tunectl fleet"])["drift"] if d["hosts"]]
    with open(file + ".known", encoding="utf-8") as known:
        assert dict(keys) == json.load(known)["drift"], "tunectl does not find the known drift"
    for other in ("DuckDB", "polars"):
        assert sorted(keys) == sorted(map(tuple, eval(answers[other]))), f"{other} says otherwise"
    median = lambda name, n: statistics.median(run[n] for run in runs[name])
    print(f"{os.path.getsize(file) / 1e6:.0f} MB, {rounds} rounds, medians")
    print("| | wall time | processor time | peak memory | share of the wall time |\n| --- | --- | --- | --- | --- |")
    for name in commands:
        share = "1" if name == "tunectl fleet" else f"{median('tunectl fleet', 0) / median(name, 0):.2f}"
        print(f"| {name} | {median(name, 0):.2f} s | {median(name, 1):.2f} s | "
              f"{max(run[2] for run in runs[name]):.1f} MiB | {share} |")


if __name__ == "__main__":
    main()
