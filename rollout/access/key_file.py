"""Where the keys are kept: one small file of the data folder, replaced whole, only its owner's to read."""

import json
import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rollout.access.keys import Key, Keyring, Secret
from rollout.access.roles import Role
from rollout.errors import RecordError, UsageError

FOLDER: Final = "access"
NAME: Final = "keys.json"
_VERSION: Final = 1


def path_of(data: Path) -> Path:
    """The file of a data folder."""
    return data / FOLDER / NAME


def load(data: Path) -> tuple[Keyring, dict[str, datetime]]:
    """The keys of a folder, and when each was last used; empty where none was ever made.

    Raises:
        UsageError: the file cannot be read as it should. Nobody is let in then: a damaged file must
            not open what it closed.

    """
    path = path_of(data)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Keyring(), {}
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; nobody is let in without it") from None
    try:
        value = json.loads(text)
        if value["version"] != _VERSION:
            raise UsageError(f"{path} is of version {value['version']}; this program knows {_VERSION}")
        used = {
            each["id"]: datetime.fromisoformat(each["last_used_at"])
            for each in value["keys"]
            if each["last_used_at"]
        }
        return Keyring.of(_key(each) for each in value["keys"]), used
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is no list of keys ({type(error).__name__}: {error}); nobody is let in until it is "
            "restored from a backup"
        ) from None


def save(data: Path, ring: Keyring, used: Mapping[str, datetime]) -> None:
    """Replace the file: whole or not at all, durable on return.

    Raises:
        RecordError: the disk refuses; the file is as it was.

    """
    path = path_of(data)
    value = {"version": _VERSION, "keys": [_json(key, used.get(key.id)) for key in ring.keys]}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{NAME}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(value, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}; the keys are as they were") from error


def _json(key: Key, used: datetime | None) -> dict[str, Any]:
    return {
        "id": key.id,
        "role": key.role.value,
        "tenant": key.tenant,
        "name": key.name,
        "created_at": key.created_at.isoformat(),
        "created_by": key.created_by,
        "expires_at": _text(key.expires_at),
        "revoked_at": _text(key.revoked_at),
        "last_used_at": _text(used),
        "rate": key.rate,
        "secrets": [
            {
                "sha256": secret.digest.hex(),
                "created_at": secret.created_at.isoformat(),
                "ends_at": _text(secret.ends_at),
            }
            for secret in key.secrets
        ],
    }


def _key(value: Mapping[str, Any]) -> Key:
    return Key(
        id=value["id"],
        role=Role(value["role"]),
        tenant=value["tenant"],
        name=value["name"],
        created_at=datetime.fromisoformat(value["created_at"]),
        created_by=value["created_by"],
        expires_at=_moment(value["expires_at"]),
        revoked_at=_moment(value["revoked_at"]),
        rate=value["rate"],
        secrets=tuple(
            Secret(
                bytes.fromhex(each["sha256"]),
                datetime.fromisoformat(each["created_at"]),
                _moment(each["ends_at"]),
            )
            for each in value["secrets"]
        ),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
