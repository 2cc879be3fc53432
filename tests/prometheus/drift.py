"""Drifts a host and asks Prometheus; holds the reports against their real readers.

Called by run, on a host of its own with the daemon, node_exporter and Prometheus running.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree

import jsonschema
import junitparser

TUNECTL, WORK, DASHBOARD = sys.argv[1:4]
METRICS = pathlib.Path("/var/lib/prometheus/node-exporter/tunectl.prom")
PATIENCE = 60


def ask(path, **parameters):
    """What Prometheus answers."""
    url = f"http://127.0.0.1:9090/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        said = json.load(answer)
    assert said["status"] == "success", said
    return said["data"]


def value(expression):
    """The samples of an expression: labels and value each."""
    result = ask("query", query=expression)["result"]
    return [(sample["metric"], float(sample["value"][1])) for sample in result]


def until(what, holds):
    """Waits until it holds, and returns what it was."""
    end = time.monotonic() + PATIENCE
    error = None
    while time.monotonic() < end:
        try:
            if found := holds():
                print(f"{what}: {found}" if found is not True else what, flush=True)
                return found
        except OSError as not_yet:
            error = not_yet
        time.sleep(0.2)
    sys.exit(f"not within {PATIENCE} s: {what} ({error}); alerts: {ask('alerts')}")


def alert(name, **labels):
    """The firing alert of that name and those labels."""
    for one in ask("alerts")["alerts"]:
        wanted = {"alertname": name, **labels}
        if one["state"] == "firing" and wanted.items() <= one["labels"].items():
            return one["annotations"]["summary"]
    return None


def write(key, text, program="sysctl"):
    """Sets a parameter by a program of that name."""
    path = f"{WORK}/{program}"
    if not pathlib.Path(path).exists():
        shutil.copy(shutil.which("sysctl"), path)
    subprocess.run([path, "-qw", f"{key}={text}"], check=True)


def report(form):
    """The report in that form."""
    return subprocess.run([TUNECTL, "report", "--format", form], check=True,
                          capture_output=True, text=True).stdout


def readers():
    """The report as those take it who wrote the standards."""
    line = report("json")
    schema = json.loads(subprocess.run([TUNECTL, "schema", "report"], check=True,
                                       capture_output=True, text=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(line), schema, jsonschema.Draft202012Validator)
    saved = pathlib.Path("/var/lib/tunectl/report.json").read_text(encoding="utf-8")
    jsonschema.validate(json.loads(saved), schema, jsonschema.Draft202012Validator)
    assert "00000003" not in line + saved, "a secret is told"
    assert any(e["writer"]["comm"] == "rival" for e in json.loads(saved)["drift"]["events"]
               if "writer" in e), saved
    wrong = json.loads(line)
    wrong["summary"]["in_sync"] = "all"
    try:
        jsonschema.validate(wrong, schema, jsonschema.Draft202012Validator)
        sys.exit("the schema takes anything")
    except jsonschema.ValidationError:
        pass
    print("the JSON is as its schema says")

    suites = junitparser.JUnitXml.fromstring(report("junit").encode())
    cases = {case.name: case for suite in suites for case in suite}
    assert len(cases) == len(json.loads(line)["parameters"]) == suites.tests, cases
    failed = {name for name, case in cases.items()
              if any(isinstance(r, junitparser.Failure) for r in case.result)}
    skipped = {name for name, case in cases.items()
               if any(isinstance(r, junitparser.Skipped) for r in case.result)}
    assert "net.ipv4.tcp_fin_timeout" in failed, failed
    assert skipped == {"net.ipv4.tcp_keepalive_time", "net.ipv4.conf.nothing.rp_filter"}, skipped
    assert (suites.failures, suites.skipped) == (len(failed), len(skipped)), suites
    xml.etree.ElementTree.fromstring(report("junit"))
    print(f"JUnit: {len(cases)} cases, failed: {', '.join(sorted(failed))}")

    for text in (METRICS.read_text(encoding="utf-8"), report("prometheus")):
        said = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True, check=False)
        assert (said.returncode, said.stdout, said.stderr) == (0, "", ""), said
    print("promtool check metrics has nothing to say")


def dashboard():
    """Runs each expression of the dashboard; each metric in it must exist."""
    board = json.loads(pathlib.Path(DASHBOARD).read_text(encoding="utf-8"))
    there = set(ask("label/__name__/values"))
    expressions = [(panel["title"], target["expr"])
                   for panel in board["panels"] for target in panel["targets"]]
    assert len(expressions) > 15 and len({p["id"] for p in board["panels"]}) == len(board["panels"])
    silent = []
    for title, expression in expressions:
        expression = expression.replace("$__rate_interval", "10s").replace("$instance", ".*")
        assert "$" not in expression, expression
        names = set(re.findall(r"\b(?:[a-z]+:)?tunectl[a-z0-9_:]*\b", expression))
        assert names and names <= there, (title, names - there)
        if not value(expression):
            silent.append(title)
    assert not silent, f"nothing to see in: {silent}"
    query = board["templating"]["list"][1]["query"]["query"]
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", query).groups()
    assert metric in there and all(label in labels for labels, _ in value(metric))
    print(f"dashboard: {len(expressions)} expressions, each with samples")


def main():
    """From a host that is in sync to one that somebody fights over."""
    until("in sync, as Prometheus sees it", lambda: value(
        'tunectl_parameter_in_sync{key="net.core.somaxconn"} == 1') != [])
    assert value("node_textfile_scrape_error")[0][1] == 0
    assert {labels["key"] for labels, _ in value("tunectl_parameter_in_sync == 0")} == set()
    until("known for as long as drift is looked for", lambda: value(
        "tunectl_report_timestamp_seconds offset 10s") != [])
    until("what was found at the start is told no longer", lambda: not value(
        "tunectl:drift_events:increase10m"))
    assert alert("TunectlDrift") is None

    write("net.core.somaxconn", 77)
    until("alert", lambda: alert("TunectlDrift", key="net.core.somaxconn", writer="sysctl",
                                 cause="process"))
    until("it was put right meanwhile", lambda: pathlib.Path(
        "/proc/sys/net/core/somaxconn").read_text(encoding="ascii") == "4321\n")
    until("and the alert ends", lambda: alert("TunectlDrift") is None)

    write("net.ipv4.tcp_fin_timeout", 77, "stranger")
    until("alert", lambda: alert("TunectlOutOfSync", key="net.ipv4.tcp_fin_timeout"))

    # What is let go on purpose is no drift, and is again once that ends.
    subprocess.run([TUNECTL, "unlock", "net.ipv4.tcp_fin_timeout", "--for", "15s", "--reason",
                    "a test"], check=True, capture_output=True)
    until("let go: the alert ends", lambda: value(
        'tunectl_parameter_let_go{kind="unlocked"} == 1') != [] and alert("TunectlOutOfSync") is None)
    until("alert", lambda: alert("TunectlOutOfSync", key="net.ipv4.tcp_fin_timeout"))

    def fought():
        write("net.ipv4.ip_default_ttl", 70, "rival")
        return alert("TunectlContested", key="net.ipv4.ip_default_ttl", writer="rival")

    until("alert", fought)

    # What the dashboard shows of boots and prevented writes is there once there were such.
    baseline = pathlib.Path("/etc/tunectl/baseline.yaml")
    text = baseline.read_text(encoding="utf-8")
    prevent = text.replace("net.core.somaxconn: 4321",
                           "net.core.somaxconn: { value: 4321, on_drift: prevent }")
    baseline.write_text(prevent, encoding="utf-8")
    subprocess.run([TUNECTL, "apply", "--boot"], check=False, capture_output=True)
    until("the boot is reported", lambda: value("tunectl_boot_result == 1") != [])

    def prevented():
        tried = subprocess.run([f"{WORK}/sysctl", "-qw", "net.core.somaxconn=5"], check=False,
                               capture_output=True)
        return tried.returncode != 0

    until("a write is prevented", prevented)
    until("and counted", lambda: value("tunectl_prevented_writes_total") != [])
    # A rate needs a correction within it.
    write("net.ipv4.tcp_fastopen_key", "00000009-00000009-00000009-00000009")
    until("corrections have a latency", lambda: [
        labels for labels, number in value("instance:tunectl_correction_latency_seconds:p99_1h")
        if number < 1])
    # That boot has put right what was only reported.
    write("net.ipv4.tcp_fin_timeout", 77, "stranger")
    until("out of sync again", lambda: value("tunectl_parameter_in_sync == 0") != [])
    until("alert", fought)
    readers()
    dashboard()

    baseline.write_text(text + "  broken", encoding="utf-8")
    until("alert", lambda: alert("TunectlBaselineBroken"))
    baseline.write_text(text, encoding="utf-8")
    until("and the alert ends", lambda: alert("TunectlBaselineBroken") is None)
    assert value("node_textfile_scrape_error")[0][1] == 0


main()
