"""Slither over all contracts: every finding is triaged with a reason in slither.triage.toml, or this fails.

`python -m scripts.deep.slither` prints what is not triaged, and what is triaged but no longer found, and exits with 1 for
either."""

import json
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from scripts.deep.tools import ROOT, TOOLS, forge, proof_tool, require, run

# Checks of style, of which all findings are alike.
ALL_ALIKE = {"naming-convention"}
TRIAGE = ROOT / "slither.triage.toml"
OUT = TOOLS / "forge" / "slither"


@dataclass(frozen=True, order=True)
class Finding:
    """What Slither found, named so that an edit elsewhere in the file does not rename it."""

    check: str
    where: str


def where(element: dict[str, Any]) -> str:
    """`Contract.function`, `Contract.function.variable`, `Contract.variable` or `Contract`."""
    names = [element["name"]]
    parent = element.get("type_specific_fields", {}).get("parent")
    while parent and parent["type"] in ("contract", "function", "struct", "event"):
        names.insert(0, parent["name"])
        parent = parent.get("type_specific_fields", {}).get("parent")
    return ".".join(names)


def analyse() -> dict[Finding, list[str]]:
    """Findings with their descriptions. Fails when Slither analysed nothing: an empty report must not look like a clean one."""
    report = OUT / "report.json"
    report.unlink(missing_ok=True)
    require(run([forge(), "build", "--build-info", "--force"], FOUNDRY_PROFILE="slither"), "forge build")
    out = OUT / "out"
    command = [proof_tool("slither"), ".", "--ignore-compile", "--foundry-out-directory", out.relative_to(ROOT), "--json", report]
    done = run(command, FOUNDRY_PROFILE="slither")
    if not report.exists():
        sys.exit(f"Slither wrote no report:\n{done.stdout[-4_000:]}")
    result = json.loads(report.read_text())
    analysed = "contracts with" in done.stdout and "analyzed (0 contracts" not in done.stdout
    if not result["success"] or not analysed:
        sys.exit(f"Slither failed: {result['error']}\n{done.stdout[-4_000:]}")
    findings: dict[Finding, list[str]] = {}
    for found in result["results"].get("detectors", []):
        finding = Finding(found["check"], where(found["elements"][0]))
        findings.setdefault(finding, []).append(found["description"].strip())
    return findings


def triaged() -> dict[Finding, str]:
    reasons: dict[Finding, str] = {}
    for entry in tomllib.loads(TRIAGE.read_text())["triage"]:
        if len(entry["reason"]) < 20:
            sys.exit(f"No reason worth the name for {entry['check']}: {entry['reason']!r}")
        for name in entry["where"]:
            finding = Finding(entry["check"], name)
            if name == "*" and entry["check"] not in ALL_ALIKE:
                sys.exit(f"{entry['check']} is no matter of style: name each finding")
            if finding in reasons:
                sys.exit(f"Triaged twice: {finding}")
            reasons[finding] = entry["reason"]
    return reasons


def main() -> int:
    found, reasons = analyse(), triaged()
    for finding in found:
        everywhere = Finding(finding.check, "*")
        if everywhere in reasons:
            reasons[finding] = reasons[everywhere]
    untriaged = sorted(found.keys() - reasons.keys())
    gone = sorted(f for f in reasons.keys() - found.keys() if f.where != "*")
    for finding in untriaged:
        print(f"NOT TRIAGED  {finding.check}  {finding.where}")
        for description in found[finding]:
            print(f"    {description}".replace("\n", "\n    "))
    for finding in gone:
        print(f"NO LONGER FOUND  {finding.check}  {finding.where}: take it out of {TRIAGE.name}")
    for check, count in sorted(Counter(finding.check for finding in found).items()):
        print(f"{count:4}  {check}")
    print(f"Slither: {len(found)} findings, {len(untriaged)} not triaged, {len(gone)} triaged but no longer found")
    return 1 if untriaged or gone else 0


if __name__ == "__main__":
    sys.exit(main())
