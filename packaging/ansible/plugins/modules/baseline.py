#!/usr/bin/python
# Copyright: tunectl maintainers
# Apache-2.0 (see LICENSE of the project)
"""Ansible module: plans, tries, applies and confirms a kernel-parameter baseline."""

# Python 3.6 is what EL 8 has.
DOCUMENTATION = r"""
module: baseline
short_description: Hold a kernel-parameter baseline on a host
version_added: 1.0.0
description:
  - Plans a baseline with C(tunectl), and carries it out, for good or on trial.
  - In check mode it changes nothing and shows what would change, on both axes (now, and after the
    next boot), as a diff. It fails where carrying that out would fail, as far as a plan tells.
requirements:
  - tunectl
  - Python 3.6 or newer
options:
  baseline:
    description:
      - Name of a baseline that the host has or that is built in, or a path on the host.
      - With O(content), the name under which that is laid in C(/etc/tunectl/baselines), followed by
        the beginning of its SHA-256, so that no text in force is ever edited in place. No path then.
        A text that was laid and then refused is taken away again.
    type: str
    required: true
  content:
    description: Text of the baseline. It is logged nowhere, because parameters may be secrets.
    type: str
  state:
    description:
      - V(applied) carries the baseline out, live and persisted, all or nothing, and makes it the
        host's own.
      - V(tried) writes live values only, which are put back by themselves after O(trial) unless they
        are confirmed.
      - V(confirmed) persists what is tried. Where nothing is, it is content with a baseline that is
        the host's own and needs nothing done, and fails with any other, as with values that were put
        back before they were confirmed. In check mode it is content then.
      - V(put_back) puts what is tried back before its end, and is content where nothing is.
      - V(reported) reports the host against the baseline, for C(tunectl fleet), and changes nothing;
        a text need not be laid for it.
    type: str
    choices: [applied, tried, confirmed, put_back, reported]
    default: applied
  trial:
    description: How long a trial lasts, as C(90s) or C(10m); from 1s to 1d.
    type: str
    default: 10m
  program:
    description: The tunectl to run.
    type: str
    default: /usr/sbin/tunectl
attributes:
  platform:
    support: full
    description: Linux.
    platforms: linux
  check_mode:
    support: full
    description: Plans, changes nothing, and fails where the plan cannot be carried out.
  diff_mode:
    support: full
    description: Each parameter that differs, now and at the next boot.
author:
  - tunectl maintainers
"""

EXAMPLES = r"""
- name: See what a baseline would change
  tunectl.fleet.baseline:
    baseline: kafka-broker
  check_mode: true
  diff: true

- name: Hold what a Kafka broker needs
  tunectl.fleet.baseline:
    baseline: kafka-broker

- name: Try our own for ten minutes
  tunectl.fleet.baseline:
    baseline: edge
    content: "{{ lookup('ansible.builtin.file', 'edge.yaml') }}"
    state: tried
    trial: 10m

- name: Keep it
  tunectl.fleet.baseline:
    baseline: edge
    state: confirmed
"""

RETURN = r"""
name:
  description: The baseline as tunectl knows it; with O(content), with the beginning of its hash.
  type: str
  returned: always
result:
  description: >-
    What tunectl says of it, as V(applied), V(in_sync), V(overridden) (nothing was to be written, and
    another file overrides something at the next boot), V(on_trial), V(incomplete), or what the module
    did, V(confirmed) or V(put_back). In check mode V(not_installed), where O(program) is not there.
  type: str
  returned: unless the baseline was refused
exit_code:
  description: What tunectl ended with; 3 where a plan was refused, as by a guard.
  type: int
  returned: where it has failed
steps:
  description: Each write, with key, from, to and result.
  type: list
  elements: dict
  returned: with O(state=applied) and O(state=tried), once it was carried out
trial:
  description: The trial that is pending.
  type: dict
  returned: while there is one
report:
  description: The line that C(tunectl report --format json) prints.
  type: str
  returned: with O(state=reported)
"""

import glob
import hashlib
import json
import os
import re
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes

BASELINES = "/etc/tunectl/baselines"
OWN = "/etc/tunectl/baseline.yaml"
LAYERS = "/etc/tunectl/baseline.d"


class Host:
    """The host, by way of its tunectl."""

    def __init__(self, module):
        self.module = module
        self.program = module.params["program"]
        self.told = {"name": name_of(module.params), "changed": False}
        self.fresh = False

    def lay(self):
        """Has the text in its place; whether it was there already, or there is none to lay."""
        self.fresh = not is_laid(self.module.params, self.told["name"])
        if self.fresh:
            lay(self.module, self.told["name"])
        return not self.fresh

    def fail(self, msg, **more):
        """Ends the module with a failure, with all that is known by then."""
        name = self.told["name"]
        # Nothing refers to it then.
        if self.fresh and "trial" not in self.told and not is_own(name):
            os.unlink(place_of(name))
        self.module.fail_json(msg=msg, **{**self.told, **more})

    def run(self, *args):
        """Exit code, standard output and standard error."""
        return self.module.run_command([self.program, *args], environ_update={"NO_COLOR": "1"})

    def json(self, *args, taken=(0,)):
        """What it prints as JSON, and the exit code."""
        code, out, err = self.run(*args, "--format", "json")
        try:
            said = json.loads(out)
        except ValueError:
            said = None
        if said is None or code not in taken:
            self.fail(why(said, err), exit_code=code, stderr=err)
        return code, said

    def plan(self, *args):
        """The plan, and whether an apply would refuse it."""
        code, said = self.json("plan", *args, taken=(0, 3))
        return said, code != 0

    def pending(self):
        """The trial that is pending, if any."""
        code, out, err = self.run("status", "--format", "json")
        try:
            return json.loads(out).get("trial")
        except ValueError:
            self.fail(why(None, err), exit_code=code, stderr=err)


def why(said, err):
    """Why something failed, in words; `said` is a plan or what became of one."""
    said = said or {}
    reasons = said.get("plan", said).get("refusals") or said.get("errors") or []
    return "; ".join(reasons) or err.strip() or "tunectl has not said why"


def name_of(params):
    """The baseline's name on the host."""
    if params["content"] is None:
        return params["baseline"]
    digest = hashlib.sha256(to_bytes(params["content"])).hexdigest()
    return f"{params['baseline']}-{digest[:12]}"


def place_of(name):
    """Where a baseline of that name is laid."""
    return os.path.join(BASELINES, f"{name}.yaml")


def is_laid(params, name):
    """Whether the text is there already, or there is none to lay."""
    if params["content"] is None:
        return True
    try:
        with open(place_of(name), "rb") as there:
            return there.read() == to_bytes(params["content"])
    except FileNotFoundError:
        return False


def lay(module, name):
    """Puts the text in its place, whole."""
    os.makedirs(BASELINES, mode=0o755, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as file:
        file.write(to_bytes(module.params["content"]))
    # An ordinary user's status reads it, but for what may be a key.
    secret = re.search(r"_(key|secret)\b", module.params["content"])
    os.chmod(temporary, 0o600 if secret else 0o644)
    module.atomic_move(temporary, place_of(name))


def own_names():
    """What the host's own baseline extends, if an apply has made it."""
    try:
        with open(OWN, encoding="utf-8") as own:
            named = re.findall(r"(?m)^extends: \['((?:[^']|'')*)'\]$", own.read())
    except FileNotFoundError:
        return []
    return [one.replace("''", "'") for one in named]


def is_own(name):
    """Whether the host's own baseline is that one."""
    return name == OWN or own_names() == [name]


def changes(plan):
    """Whether carrying the plan out would change the host."""
    files = plan["dropin"]["changes"] or plan["host_file"]["changes"]
    return bool(plan["steps"]) or files


def impossible(plan):
    """What an apply would fail for, though the plan is not refused."""
    layers = sorted(glob.glob(os.path.join(LAYERS, "*.yaml")))
    if layers:
        return [f"this host has further layers, such as {layers[0]}"]
    never = ("absent", "unreadable", "read_only", "kernel_keeps")
    return [
        f"{one['key']}: {(one['notes'] or [one['live_status']])[0]}"
        for one in plan["parameters"]
        if one["live_status"] in never and "waived" not in one["marks"]
    ]


def diff(plan, name, own):
    """What differs, now and at the next boot."""
    before, after = [], []
    if not own:
        after.append(f"baseline: {name}")
    for parameter in plan["parameters"]:
        if not parameter["do"]:
            continue
        key, desired = parameter["key"], parameter["desired"] or parameter["requirement"]
        loader = "systemd" if plan["host"]["loader"] == "systemd-sysctl" else "procps"
        boot = parameter["boot"][loader]["value"]
        if "write" in parameter["do"]:
            before.append(f"{key} = {parameter['live']}")
            after.append(f"{key} = {desired}")
        if "persist" in parameter["do"]:
            before.append(f"{key} = {'(unset)' if boot is None else boot}  # at the next boot")
            after.append(f"{key} = {parameter['persist_as'] or desired}  # at the next boot")
    return {
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
        "before_header": "parameters",
        "after_header": f"parameters ({name})",
    }


def to_read(module, name, laid):
    """What tunectl is to read: that name, or a copy of a text that is laid nowhere."""
    if laid:
        return name
    path = os.path.join(module.tmpdir, f"{name}.yaml")
    with open(path, "wb") as file:
        file.write(to_bytes(module.params["content"]))
    return path


def carry_out(module, host):
    """Plans, and unless that is enough carries it out."""
    params = module.params
    name = name_of(params)
    laid = is_laid(params, name) if module.check_mode else host.lay()
    plan, refused = host.plan("-b", to_read(module, name, laid or host.fresh))
    if refused:
        host.fail(why(plan, ""), exit_code=3)
    own = is_own(name)
    changed = not laid or not own or changes(plan)
    told = host.told
    told.update(changed=changed, diff=diff(plan, name, own), result="in_sync")
    if module.check_mode:
        if impossible(plan):
            host.fail("; ".join(impossible(plan)))
        module.exit_json(**told)
    args = ["apply", "-b", name, "--adopt"]
    if params["state"] == "tried":
        args += ["--confirm-within", params["trial"]]
    code, outcome = host.json(*args, taken=(0, 1))
    told["result"] = outcome["result"]
    told["steps"] = outcome["steps"]
    if outcome.get("trial"):
        told["trial"] = outcome["trial"]
    if code:
        host.fail(why(outcome, ""), exit_code=code)
    module.exit_json(**told)


def is_in_force(params, host):
    """Whether the host holds it already; without a text also under a name with the hash of one."""
    name = name_of(params)
    with_hash = "(-[0-9a-f]{12})?" if params["content"] is None else ""
    held = [own for own in own_names() if re.fullmatch(re.escape(name) + with_hash, own)]
    if not held and name != OWN:
        return False
    plan, refused = host.plan()
    return not refused and not changes(plan)


def confirm(module, host):
    """Keeps what is tried, and fails where that was put back before."""
    trial = host.pending()
    told = host.told
    told.update(changed=trial is not None, result="in_sync")
    if module.check_mode or (trial is None and is_in_force(module.params, host)):
        module.exit_json(**told)
    # Where none is pending it says what became of the last one.
    code, _out, err = host.run("confirm")
    if not code:
        told.update(changed=True, result="confirmed")
    elif not is_in_force(module.params, host):
        host.fail(why(None, err), exit_code=code)
    module.exit_json(**told)


def put_back(module, host):
    """Puts back what is tried; should that fail, it is put back by itself at its end."""
    trial = host.pending()
    told = host.told
    told.update(changed=trial is not None, result="in_sync")
    if trial is None or module.check_mode:
        module.exit_json(**told)
    host.run("confirm", "--cancel")
    end = time.monotonic() + (trial["left_s"] or 0) + 60
    while host.pending() is not None:
        if time.monotonic() > end:
            host.fail("the trial is over and has not been put back")
        time.sleep(1)
    told["result"] = "put_back"
    module.exit_json(**told)


def report(module, host):
    """Reports the host against the baseline, which may be one that cannot be used."""
    name = host.told["name"]
    asked = to_read(module, name, is_laid(module.params, name))
    code, out, err = host.run("report", "-b", asked, "--format", "json")
    if not out.startswith('{"schema":"tunectl/report/1"'):
        host.fail(why(None, err), exit_code=code, stderr=err)
    module.exit_json(report=out.strip(), result=json.loads(out)["result"], **host.told)


def wrong(params):
    """What of the arguments no host could use, if any."""
    if params["content"] is not None and not re.fullmatch(r"[^/\0\n.-][^/\0\n]*", params["baseline"]):
        return f"{params['baseline']!r} is no name to lay a text under in {BASELINES}"
    trial = re.fullmatch(r"([0-9]{1,9})([smhd])", params["trial"])
    seconds = trial and int(trial[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[trial[2]]
    if not trial or not 1 <= seconds <= 86400:
        return f"{params['trial']!r} is no time for a trial: from 1s to 1d, as 90s or 10m"
    return None


def main():
    """Reads the arguments and does what the state says."""
    module = AnsibleModule(
        argument_spec={
            "baseline": {"type": "str", "required": True},
            "content": {"type": "str", "no_log": True},
            "state": {
                "type": "str",
                "choices": ["applied", "tried", "confirmed", "put_back", "reported"],
                "default": "applied",
            },
            "trial": {"type": "str", "default": "10m"},
            "program": {"type": "str", "default": "/usr/sbin/tunectl"},
        },
        supports_check_mode=True,
    )
    host = Host(module)
    if wrong(module.params):
        host.fail(wrong(module.params))
    if not (os.path.isfile(host.program) and os.access(host.program, os.X_OK)):
        if module.check_mode and module.params["state"] != "reported":
            module.warn(f"{host.program} is not there yet, so nothing was planned")
            host.told.update(changed=True, result="not_installed")
            module.exit_json(**host.told)
        host.fail(f"{host.program} is not there: install the package first")
    does = {"confirmed": confirm, "put_back": put_back, "reported": report}
    does.get(module.params["state"], carry_out)(module, host)


if __name__ == "__main__":
    main()
