"""Call a function of this package in a process of its own.

`python process.py MODULE FUNCTION [ARGUMENT …]`, with a Python that has what it needs.
"""

import importlib
import importlib.util
import os
import random
import sys
from pathlib import Path

if __name__ == "__main__":
    # Whatever is loaded later lies behind these, and elsewhere with another layout.
    layout = random.Random(int(os.environ.get("SQLALCHEMY_ASV_LAYOUT", "0")))
    displacing = [bytes(layout.randrange(480)) for _ in range(layout.randrange(1000, 20_000))]
    # As asv does it: only the package of benchmarks, and nothing beside it, can be imported; nor
    # may what stands in this folder be found under a name without its package.
    sys.path.pop(0)
    root = Path(__file__).parents[1]
    spec = importlib.util.spec_from_file_location(
        root.name, root / "__init__.py", submodule_search_locations=[str(root)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[root.name] = package
    spec.loader.exec_module(package)
    module, function, *arguments = sys.argv[1:]
    getattr(importlib.import_module(f"{root.name}.harness.{module}"), function)(*arguments)
