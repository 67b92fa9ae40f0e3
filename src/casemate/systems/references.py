"""References to the user's code: "module:function", looked up below the folder of the system file."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casemate.core.digests import digest
from casemate.core.errors import CasemateError, did_you_mean

_used: list[Path] = []


@dataclass(frozen=True)
class Reference:
    """A function of the user's.

    Args:
        module: dotted name, importable from ``root`` or installed.
        function: its name in the module.
        root: the folder whose modules may be imported, usually that of the system file.
    """

    module: str
    function: str
    root: Path

    @classmethod
    def parse(cls, text: str, root: Path, missing: type[CasemateError]) -> Reference:
        """Read ``module:function``.

        Raises:
            missing: the text has another form.
        """
        module, colon, function = text.partition(":")
        if not (colon and function.isidentifier() and all(part.isidentifier() for part in module.split("."))):
            raise missing(
                f"{text!r} names no function",
                why="it must have the form module:function",
                fix='write for example "train:fit" for the function fit in train.py',
            )
        return cls(module, function, Path(root).resolve())

    def __str__(self) -> str:
        return f"{self.module}:{self.function}"

    def load(self, missing: type[CasemateError]) -> Callable[..., Any]:
        """Import the module and return the function. Runs the user's code.

        Raises:
            missing: there is no such module or function; names the nearest.
            Exception: whatever the module itself raises while it is imported.
        """
        use(self.root)
        try:
            module = importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{self.module}.".startswith(f"{error.name}."):
                raise  # the module exists; something that it imports does not
            raise self._no_module(missing) from None
        found = getattr(module, self.function, None)
        if callable(found):
            return found  # type: ignore[no-any-return]
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        fault = "there is no function" if found is None else f"a {type(found).__name__} is no function:"
        raise self._no_function(missing, fault, str(getattr(module, "__file__", None) or self.module), names)

    def check(self, missing: type[CasemateError]) -> None:
        """Look without running anything whether the module is there, can be parsed, and may hold the function.

        Raises:
            missing: it surely cannot be loaded.
        """
        path = self._file(self.module)
        if path is None:
            if not _is_known(self.module.partition(".")[0], self.root):
                raise self._no_module(missing)
            return
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            what = getattr(error, "msg", None) or error
            raise missing(
                f"{path.name} is not valid Python: {what}", where=f"{path}:{line}", fix=f"run: python {path.name}"
            ) from None
        names = _names(tree)
        if names is not None and self.function not in names:
            public = [name for name in names if not name.startswith("_")]
            raise self._no_function(missing, "there is no function", str(path), public)

    def _no_module(self, missing: type[CasemateError]) -> CasemateError:
        near = did_you_mean(self.module, [path.stem for path in self.root.glob("*.py")])
        return missing(
            f"there is no module {self.module!r}.{near}",
            where=f"{self} below {self.root}",
            fix=f"create {self.root / (self.module.replace('.', '/') + '.py')} or correct the name",
        )

    def _no_function(self, missing: type[CasemateError], fault: str, where: str, names: list[str]) -> CasemateError:
        return missing(
            f"{fault} {self.function!r} in {self.module}.{did_you_mean(self.function, names)}",
            where=where,
            fix=f"the module has: {', '.join(sorted(names))}" if names else "define it there",
        )

    @property
    def digest(self) -> str:
        """Digest of the reference, the module's source, and the sources below ``root`` that it imports."""
        texts = {str(path.relative_to(self.root)): path.read_bytes() for path in self._sources()}
        return digest("reference", str(self), texts or _installed_source(self.module))

    def _sources(self) -> set[Path]:
        start = self._file(self.module)
        seen: set[Path] = set()
        waiting = [start] if start else []
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                waiting += [found for name in self._imports(path) if (found := self._file(name))]
        return seen

    def _imports(self, path: Path) -> Iterator[str]:
        """Dotted names that a file imports, relative ones made absolute; each with the packages above it."""
        package = path.relative_to(self.root).parent.parts
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            return  # the worker reports it when it imports the file
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else ()
                base = ".".join((*above, *([node.module] if node.module else [])))
                names = [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
            else:
                continue
            for name in names:
                parts = name.split(".")
                yield from (".".join(parts[: end + 1]) for end in range(len(parts)))

    def _file(self, module: str) -> Path | None:
        if not module:
            return None
        base = self.root.joinpath(*module.split("."))
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _is_known(package: str, root: Path) -> bool:
    """Whether a package could be imported: a folder below ``root``, or installed; another system's is neither."""
    if (root / package).is_dir():
        return True
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return False
    origin = Path(spec.origin or "") if spec else Path()
    return spec is not None and not any(origin.is_relative_to(other) for other in _used)


def _names(tree: ast.Module) -> set[str] | None:
    """Return every name that a module could bind, wherever it does; None where only running it can tell."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            if node.name == "*":
                return None
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and node.id in ("globals", "vars", "setattr", "exec"):
            return None
    return None if "__getattr__" in found else found


def use(root: Path) -> None:
    """Put a folder first on ``sys.path``, so that the user's modules and pickled classes resolve.

    Modules of the same name that another system's folder supplied are forgotten first: two systems may both have a
    ``train.py``.
    """
    here = Path(root).resolve()
    if _used and _used[-1] == here and str(here) in sys.path:
        return
    others = [other for other in _used if other != here]
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "")
        foreign = any(file.is_relative_to(other) for other in others) and not file.is_relative_to(here)
        top = here / name.partition(".")[0]
        if foreign and (top.with_suffix(".py").is_file() or top.is_dir()):
            del sys.modules[name]
    sys.path[:] = [str(here), *(entry for entry in sys.path if entry != str(here))]
    _used[:] = [*others, here]
    importlib.invalidate_caches()


def _installed_source(module: str) -> bytes:
    """The source of a module outside the root; found without importing the packages above it."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return b""
    places = list(spec.submodule_search_locations or []) if spec else []
    candidates = [Path(place).joinpath(*rest) for place in places]
    files = [spec.origin] if spec and spec.origin and not rest else []
    files += [str(path.with_suffix(".py")) for path in candidates] + [str(path / "__init__.py") for path in candidates]
    return next((Path(file).read_bytes() for file in files if Path(file).is_file()), b"")
