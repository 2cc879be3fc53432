"""Holds `tunectl fleet` against DuckDB with packaging/sql/duckdb.sql, and against ClickHouse with
packaging/sql/clickhouse.sql: agree.py FLEET.json REPORTS SILENT_BEFORE."""

import json
import pathlib
import re
import sys

import duckdb

SQL = pathlib.Path(__file__).parents[2] / "packaging" / "sql"


def queries(file):
    """The queries of a file, by name."""
    parts = re.split(r"^-- query: (\w+)\n", (SQL / file).read_text(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def with_duckdb(reports, silent_before):
    """What DuckDB answers, by query."""
    base = duckdb.connect()
    base.execute("SET VARIABLE reports = ?", [reports])
    base.execute("SET VARIABLE silent_before = ?", [silent_before])
    answers = {}
    for name, query in queries("duckdb.sql").items():
        rows = base.execute(query)
        columns = [column[0] for column in rows.description]
        answers[name] = [dict(zip(columns, row)) for row in rows.fetchall()]
    return answers


def with_clickhouse(reports, silent_before):
    """What ClickHouse answers, by query."""
    from chdb import session

    base = session.Session()
    text = lambda query: query.replace("{reports:String}", f"'{reports}'").replace(
        "{silent_before:String}", f"'{silent_before}'")
    for setting in re.findall(r"^SET .*;$", (SQL / "clickhouse.sql").read_text(), flags=re.M):
        base.query(setting)
    answers = {}
    for name, query in queries("clickhouse.sql").items():
        query = text(query.strip().rstrip(";"))
        if name == "load":
            # The session keeps no temporary table from one query to the next.
            base.query("CREATE DATABASE IF NOT EXISTS fleet ENGINE = Atomic")
            query = query.replace("CREATE TEMPORARY TABLE report AS",
                                  "CREATE TABLE fleet.report ENGINE = MergeTree ORDER BY name AS")
        query = re.sub(r"\bFROM report\b", "FROM fleet.report", query)
        lines = str(base.query(query, "JSONEachRow")).splitlines()
        answers[name] = [json.loads(line) for line in lines if line]
    return answers


def rows(answer, *columns):
    """Rows with these columns, in any order; what is absent is an empty text."""
    return sorted(tuple("" if row.get(c) is None else str(row[c]) for c in columns) for row in answer)


def check(who, name, ours, theirs):
    """Tells whether both are the same."""
    same = ours == theirs and bool(ours)
    print(f"{who}: {name}: {len(ours)} rows{'' if same else ', and others: '}")
    if not same:
        print("  only tunectl:", [row for row in ours if row not in theirs][:5])
        print(f"  only {who}:", [row for row in theirs if row not in ours][:5])
    return same


def compare(who, fleet, answers):
    """Whether every answer agrees."""
    one = answers["hosts"][0]
    contested = [{"key": c["key"], "comm": w.get("comm"), "hosts": w["hosts"]}
                 for c in fleet["contested"] for w in c["writers"]]
    key = {"name": "baseline_name"} if who == "ClickHouse" else {}
    host = "name" if who == "ClickHouse" else "host"
    return all([
        check(who, "hosts", rows([{k: fleet["hosts"][k] for k in one}], *one), rows([one], *one)),
        check(who, "baselines", rows(fleet["baselines"], "name", "sha256", "hosts"),
              rows(answers["baselines"], key.get("name", "name"), "sha256", "hosts")),
        check(who, "drift", rows([d for d in fleet["drift"] if d["hosts"]], "key", "hosts"),
              rows(answers["drift"], "key", "hosts")),
        check(who, "changes", rows([d for d in fleet["drift"] if d["changes"]], "key", "changed_hosts", "changes"),
              rows(answers["changes"], "key", "hosts", "changes")),
        check(who, "contested", rows(contested, "key", "comm", "hosts"),
              rows(answers["contested"], "key", "comm", "hosts")),
        check(who, "boot", rows(fleet["boot"], "key", "boot_status", "source", "hosts"),
              rows(answers["boot"], "key", "boot_status", "source", "hosts")),
        check(who, "outliers", merged(fleet["outliers"]),
              rows(answers["outliers"], "role", "key", "value", "hosts", "usual", "peers")),
        # At most a hundred are named.
        check(who, "silent", rows(fleet["silent"], "host", "time"),
              rows(answers["silent"][:100], host, "time")),
    ])


def merged(outliers):
    """A value counts once, whether it is drift on some hosts or not."""
    found = {}
    for o in outliers:
        at = (o["roles"], o["key"], o["value"], o["usual"], o["peers"])
        found[at] = found.get(at, 0) + o["hosts"]
    return sorted((r, k, v, str(n), u, str(p)) for (r, k, v, u, p), n in found.items())


def main():
    fleet = json.loads(pathlib.Path(sys.argv[1]).read_text())
    good = compare("DuckDB", fleet, with_duckdb(*sys.argv[2:]))
    good = compare("ClickHouse", fleet, with_clickhouse(*sys.argv[2:])) and good
    sys.exit(not good)


if __name__ == "__main__":
    main()
