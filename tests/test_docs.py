"""What the documents tell people to type works, and what they point at is there.

A fenced block marked ``console`` is run: each line after ``$ `` in one empty folder per document, in
order. A line that is meant to answer "no" ends with ``# exit 1``.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def commands(document: Path) -> list[str]:
    lines = "".join(BLOCK.findall(document.read_text())).replace("\\\n", " ").splitlines()
    return [line[2:] for line in lines if line.startswith("$ ")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} points at {target}, which is not there"


@pytest.mark.slow
@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if commands(path)], ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_commands_a_document_shows_work_as_shown(document: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RIDEALONG_SHARED_DATA": "",
    }
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    for command in commands(document):
        expected = 1 if command.rstrip().endswith("# exit 1") else 0
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == expected, (
            f"{document.name}: {command}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
