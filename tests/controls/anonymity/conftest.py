"""The kernel is compiled anew when its sources changed: numba looks at the outermost function's file only."""

from pathlib import Path

from casemate.controls import anonymity

folder = Path(anonymity.__file__).parent
sources = [*folder.glob("*_numba.py"), folder / "compiling.py", folder / "draws.py"]
changed = max(source.stat().st_mtime for source in sources)
for index in folder.glob("__pycache__/*_numba.*.nbi"):
    if index.stat().st_mtime < changed:
        index.unlink(missing_ok=True)
