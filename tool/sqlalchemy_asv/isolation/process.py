"""Call a function of this package in a process of its own.

`python process.py MODULE FUNCTION [ARGUMENT …]`, with a Python that has SQLAlchemy. The environment
variable `SQLALCHEMY_ASV_BENCHMARKS` names the folder of benchmarks. With
`SQLALCHEMY_ASV_ONE_LINE`, an error is one line for the user.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path


def load(folder: Path) -> None:
    """Make a folder importable as a package, without making its siblings importable."""
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    # The modules in this file's folder must not be importable without their package.
    sys.path.pop(0)
    tool = Path(__file__).parents[1]
    load(tool)
    addresses = importlib.import_module(f"{tool.name}.isolation.addresses")
    addresses.end_with_parent()
    addresses.displace()
    if "SQLALCHEMY_ASV_ONE_LINE" in os.environ:
        importlib.import_module(f"{tool.name}.isolation.one_line").apply()
    if "SQLALCHEMY_ASV_BENCHMARKS" in os.environ:
        load(Path(os.environ["SQLALCHEMY_ASV_BENCHMARKS"]))
    module, function, *arguments = sys.argv[1:]
    getattr(importlib.import_module(f"{tool.name}.{module}"), function)(*arguments)
