"""The name of this machine in results."""

from __future__ import annotations

import platform
from pathlib import Path

from asv.machine import Machine, MachineCollection

from .errors import stop


def name_this_machine() -> None:
    """Write asv's machine file if there is none; asv would ask for its content.

    asv would propose the host's name. Results are published, so this name tells only the kind of
    machine. `asv machine` changes it.
    """
    file = Path(MachineCollection.get_machine_file_path())
    if not file.exists():
        facts = Machine.get_defaults()
        facts["machine"] = f"{platform.system()}-{facts['arch']}-{facts['num_cpu']}cpu".lower()
        # asv finds a machine under its host's name, whatever its name in results.
        try:
            MachineCollection.save(Machine.get_unique_machine_name(), facts)
        except OSError as error:
            stop(
                f"asv keeps the name of this machine in {file}, which cannot be written"
                f" ({error.strerror}): set HOME to a folder that can be"
            )


def this_machine() -> str | None:
    """The name of this machine in results, if it has one."""
    try:
        found = MachineCollection.load(Machine.get_unique_machine_name())
    except Exception:  # asv raises its UserError for many reasons, and all mean "not known"
        return None
    name = found["machine"]
    return name if isinstance(name, str) else None
