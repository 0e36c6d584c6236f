"""What is deployed is what was tested: units parse, images are pinned, runbooks name drills that exist."""

import configparser
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rollout.cli import app
from rollout.clock import SimulatedClock
from rollout.record.content import ContentStore, Text

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "docs" / "deploy" / "ridealong.service"
IMAGE = ROOT / "docs" / "deploy" / "Containerfile"
RUNBOOKS = ROOT / "docs" / "operations.md"


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser


def test_the_unit_starts_a_command_there_is_and_gives_it_time_to_drain():
    service = unit()["Service"]
    program, command, *options = service["ExecStart"].split()
    assert Path(program).name == "ridealong"
    known = CliRunner().invoke(app, [command, "--help"]).output
    for option in options:
        assert not option.startswith("--") or option in known
    assert f"/var/lib/{service['StateDirectory']}" in options
    assert int(service["TimeoutStopSec"]) > 10, "the supervisor itself waits ten seconds"
    assert service["RestartPreventExitStatus"] == "2"


def test_the_unit_takes_away_what_a_server_does_not_need():
    service = unit()["Service"]
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces"):
        assert service[name] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""


def test_systemd_accepts_the_unit(tmp_path):
    """Where systemd is: every directive is one it knows. Elsewhere the parser above has to do."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        assert unit().sections() == ["Unit", "Service", "Install"]
        return
    program = tmp_path / "ridealong"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={program}", UNIT.read_text(), flags=re.MULTILINE))
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, "Unknown" in done.stderr) == (0, False), done.stderr


def test_the_image_is_pinned_locked_unprivileged_and_asks_for_readiness():
    text = IMAGE.read_text().replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    bases = [rest for word, rest in steps if word == "FROM"]
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)
    installs = [
        part for word, rest in steps if word == "RUN" for part in rest.split("&&") if " install " in part
    ]
    for install in installs:
        assert (
            "--require-hashes" in install
            or "--no-deps" in install
            or install.strip().startswith("install -d")
        )
    words = [word for word, _ in steps]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert dict(steps)["USER"] not in ("root", "0")
    assert "/readyz" in dict(steps)["HEALTHCHECK"]
    for source in (rest.split()[0] for word, rest in steps if word == "COPY" and "--from" not in rest):
        assert (ROOT / source).exists()


def test_every_runbook_names_a_drill_and_every_drill_is_there():
    runbooks = RUNBOOKS.read_text().split("\n## ")[1:]
    assert len(runbooks) >= 10
    for runbook in runbooks:
        assert "\nDrill: " in runbook, runbook.splitlines()[0]
        drill = runbook[runbook.index("\nDrill: ") :]
        named = re.findall(r"((?:tests|scripts)/[\w./]+)(?: -k (\w+))?", drill)
        assert named, runbook.splitlines()[0]
        for path, test in named:
            assert (ROOT / path).exists(), path
            assert not test or re.search(rf"def test_\w*{test}", (ROOT / path).read_text()), (path, test)


@pytest.mark.parametrize(("days", "left"), [(29, 0), (31, 1)])
def test_expire_erases_texts_by_age(tmp_path, days, left):
    stored = datetime.now(UTC) - timedelta(days=30)
    with ContentStore(tmp_path / "content.sqlite", clock=SimulatedClock(stored)) as content:
        (ref,) = content.put([Text("default", "c", "t", "text", "hello")])
    done = CliRunner().invoke(app, ["expire", "--days", str(days), "--data", str(tmp_path)])
    assert done.exit_code == 0
    with ContentStore(tmp_path / "content.sqlite") as content:
        assert content.states([ref])[ref] == ("present" if left else "expired")
