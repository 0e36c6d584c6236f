"""What DuckDB says of a damaged file is told apart from what another process or a full disk makes it say."""

from pathlib import Path

import duckdb
import pytest

from rollout.record.viewdamage import ViewDamaged, damage_told

FILE = Path("data/view.duckdb")


def test_a_wrong_checksum_in_a_block_is_damage() -> None:
    said = "IO Error: Corrupt database file: computed checksum 1 does not match stored checksum 2 in block 7"

    with pytest.raises(ViewDamaged, match=r"view\.duckdb.*ridealong rebuild"), damage_told(FILE):
        raise duckdb.IOException(said)


@pytest.mark.parametrize(
    "said",
    [
        'IO Error: Could not set lock on file "view.duckdb": Conflicting lock is held in PID 7',
        'IO Error: Could not write file "view.duckdb": No space left on device',
    ],
)
def test_what_another_process_or_a_full_disk_does_is_not(said: str) -> None:
    with pytest.raises(duckdb.IOException), damage_told(FILE):
        raise duckdb.IOException(said)
