"""The user's recipe in its worker process: what it returns, and every way in which it can go wrong."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from casemate.core.dataset import Dataset
from casemate.core.errors import (
    RecipeCrashed,
    RecipeMissing,
    RecipeRaised,
    RecipeTimedOut,
    RecipeWrongReturn,
    ShapeMismatch,
)
from casemate.core.schema import Column, Schema
from casemate.systems import workers
from casemate.systems.recipe import RecipeRef, check_deterministic
from casemate.systems.references import Reference

SCHEMA = Schema(tuple(Column(f"c{i}") for i in range(3)), ("no", "yes"))

LOGISTIC = """
from sklearn.linear_model import LogisticRegression

def fit(data, seed):
    print("this goes to the log")
    return LogisticRegression(random_state=seed).fit(data.X, data.y)
"""
GOOD = """
import numpy as np

class Threshold:
    def __init__(self, cut): self.cut = cut
    def predict(self, X): return (X[:, 0] > self.cut).astype(int)

def fit(data, seed):
    return Threshold(data.X[data.y == 1, 0].min())
"""


@pytest.fixture(autouse=True)
def _no_worker_outlives_its_test() -> Iterator[None]:
    yield
    workers.close_all()


@pytest.fixture
def data() -> Dataset:
    rng = np.random.default_rng(0)
    X = rng.random((60, 3))
    return Dataset(X, (X[:, 0] + 0.2 * rng.random(60) > 0.6).astype(int), SCHEMA)


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., RecipeRef]:
    def make(source: str, reference: str = "train:fit", timeout: float = 60.0) -> RecipeRef:
        (tmp_path / "train.py").write_text(textwrap.dedent(source))
        return RecipeRef(reference, tmp_path, timeout)

    return make


Make = Callable[..., RecipeRef]


def test_trains_in_another_process_and_answers_in_this_one(recipe: Make, data: Dataset) -> None:
    model = recipe(LOGISTIC).train(data, 3)
    from sklearn.linear_model import LogisticRegression

    same = LogisticRegression(random_state=3).fit(data.X, data.y)
    np.testing.assert_allclose(model.scores(data.X), same.predict_proba(data.X))
    assert (model.kind, model.features, model.classes) == ("scikit-learn LogisticRegression", 3, 2)
    assert model.gives_scores
    assert model.network() is None
    assert model.trees() is None


def test_the_worker_is_kept_between_trainings_and_runs_one_thread(recipe: Make, data: Dataset) -> None:
    source = """
    import os
    import numpy as np

    class Told:
        def __init__(self, pid, threads): self.told = (pid, threads)
        def predict(self, X): return np.zeros(len(X), int)

    def fit(data, seed):
        return Told(os.getpid(), os.environ["OMP_NUM_THREADS"])
    """
    ref = recipe(source)
    first, second = (ref.train(data, seed).inner.estimator.told for seed in (0, 1))
    assert first == second
    assert first[0] != os.getpid()
    assert first[1] == "1"


def test_a_changed_source_starts_a_new_worker(recipe: Make, data: Dataset) -> None:
    recipe(GOOD).train(data, 0)
    with pytest.raises(RecipeRaised, match="changed"):
        recipe("def fit(data, seed): raise ValueError('changed')").train(data, 0)


def test_prints_and_descriptors_never_touch_the_protocol(recipe: Make, data: Dataset) -> None:
    source = """
    import os, sys
    import numpy as np

    class M:
        def predict(self, X): return np.zeros(len(X), int)

    def fit(data, seed):
        os.write(1, b"x" * 100000)
        print("hello " * 1000, flush=True)
        sys.__stdout__.write("more")
        assert sys.stdin.read() == ""
        return M()
    """
    assert recipe(source).train(data, 0).scores(data.X).shape == (60, 2)


def test_user_classes_resolve_here_and_in_other_processes(recipe: Make, data: Dataset, tmp_path: Path) -> None:
    source = """
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(3, 2)
        def forward(self, x):
            return self.inner(x)

    def fit(data, seed):
        return Net()
    """
    model = recipe(source).train(data, 0)
    assert model.kind == "torch Net"
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.scores(data.X), model.scores(data.X))
    assert again.network() is again.network()

    (tmp_path / "model.bin").write_bytes(pickle.dumps(model))
    elsewhere = (
        "import pickle, sys, pathlib, numpy as np; m = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes());"
        "print(m.kind, m.scores(np.zeros((2, 3))).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", elsewhere, str(tmp_path / "model.bin")],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if "src" in p)},
    )
    assert done.stdout.strip() == "torch Net (2, 2)"


def test_two_systems_with_modules_of_one_name_do_not_meet(tmp_path: Path, data: Dataset) -> None:
    source = "import numpy as np\nclass M:\n    def predict(self, X): return np.full(len(X), {})\n"
    source += "def fit(data, seed): return M()\n"
    models = []
    for label in (0, 1):
        root = tmp_path / str(label)
        root.mkdir()
        (root / "train.py").write_text(source.format(label))
        models.append(RecipeRef("train:fit", root).train(data, 0))
    for label, model in enumerate(models):
        assert (model.scores(data.X).argmax(axis=1) == label).all()
        assert (pickle.loads(pickle.dumps(model)).scores(data.X).argmax(axis=1) == label).all()


def test_only_a_few_idle_workers_are_kept(tmp_path: Path, data: Dataset) -> None:
    refs = []
    for index in range(workers._KEPT_WORKERS + 2):
        (tmp_path / f"train{index}.py").write_text(GOOD)
        refs.append(RecipeRef(f"train{index}:fit", tmp_path))
    models = [ref.train(data, 0) for ref in refs]
    assert list(workers._workers) == [(ref.reference, ref.root) for ref in refs[2:]]
    assert all(worker.alive for worker in workers._workers.values())
    np.testing.assert_array_equal(refs[0].train(data, 0).scores(data.X), models[0].scores(data.X))
    assert (refs[2].reference, refs[2].root) not in workers._workers


def test_a_worker_that_is_lent_is_not_closed_for_being_surplus(tmp_path: Path) -> None:
    refs = []
    for index in range(workers._KEPT_WORKERS + 2):
        (tmp_path / f"train{index}.py").write_text(GOOD)
        refs.append(Reference(f"train{index}", "fit", tmp_path))
    with workers.lent(refs[0]) as first:  # found, and not asked yet
        for ref in refs[1:]:
            with workers.lent(ref):
                pass
        assert first.alive
    assert len(workers._workers) <= workers._KEPT_WORKERS + 1


def test_a_source_that_changes_in_the_middle_of_a_training_does_not_end_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(GOOD)
    ref = Reference("train", "fit", tmp_path)
    with workers.lent(ref) as old:
        (tmp_path / "train.py").write_text(GOOD + "\n# changed\n")
        with workers.lent(ref) as new:
            assert new is not old
        assert old.alive
    assert not old.alive
    assert new.alive


def test_many_recipes_in_concurrent_threads_all_train(tmp_path: Path, data: Dataset) -> None:
    refs = []
    for index in range(workers._KEPT_WORKERS + 2):
        (tmp_path / f"train{index}.py").write_text(GOOD)
        refs.append(RecipeRef(f"train{index}:fit", tmp_path))
    with ThreadPoolExecutor(len(refs)) as pool:
        models = list(pool.map(lambda ref: ref.train(data, 0), refs * 2))
    assert all(model.classes == 2 for model in models)


def test_the_limit_holds_where_the_worker_no_longer_reads(recipe: Make, data: Dataset) -> None:
    source = """
    import os, signal, threading
    import numpy as np

    class M:
        def predict(self, X): return np.zeros(len(X), int)

    def fit(data, seed):
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGSTOP)).start()
        return M()
    """
    ref = recipe(source, timeout=20.0)
    ref.train(data, 0)
    time.sleep(0.3)
    large = Dataset(np.zeros((100_000, 3)), np.arange(100_000) % 2, SCHEMA)  # more than a pipe holds
    with pytest.raises(RecipeTimedOut):
        recipe(source, timeout=0.5).train(large, 0)


def test_a_process_that_the_recipe_leaves_behind_does_not_hold_us_up(recipe: Make, data: Dataset) -> None:
    source = """
    import subprocess
    import numpy as np

    class M:
        def __init__(self, pid): self.pid = pid
        def predict(self, X): return np.zeros(len(X), int)

    def fit(data, seed):
        return M(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)
    """
    model = recipe(source).train(data, 0)
    try:
        workers.close_all()
        assert not workers._workers
    finally:
        os.kill(model.inner.estimator.pid, signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_that_was_forked_under_the_lock_can_train(tmp_path: Path) -> None:
    with workers._lock:
        child = os.fork()
        if not child:
            os._exit(0 if workers._lock.acquire(timeout=10) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_flood_of_output_without_line_ends_is_cut_up(recipe: Make, data: Dataset) -> None:
    flood = "import os\ndef fit(data, seed):\n    os.write(2, b'x' * 3_000_000)\n    os._exit(1)\n"
    with pytest.raises(RecipeCrashed) as caught:
        recipe(flood).train(data, 0)
    assert max(map(len, str(caught.value.details).splitlines())) <= workers._LONGEST_LINE


@pytest.mark.parametrize("text", ["train", "train.fit", "train:", ":fit", "train:fit()", "a b:fit"])
def test_a_reference_of_another_form_is_refused_at_once(text: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeMissing, match="module:function"):
        RecipeRef(text, tmp_path)


def test_missing_module_and_function_name_the_nearest(recipe: Make, data: Dataset) -> None:
    with pytest.raises(RecipeMissing, match="Did you mean 'train'"):
        recipe(GOOD, "trian:fit").train(data, 0)
    with pytest.raises(RecipeMissing, match=r"Did you mean 'fit'") as caught:
        recipe(GOOD, "train:fitt").train(data, 0)
    assert str(caught.value.where).endswith("train.py")
    with pytest.raises(RecipeMissing, match="int is no function"):
        recipe("fit = 3", "train:fit").train(data, 0)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("def fit(data, seed):\n    return 1 / 0", "ZeroDivisionError"),
        ("import nowhere_to_be_found\ndef fit(data, seed): pass", "ModuleNotFoundError"),
        ("def fit(data, seed)\n    pass", "SyntaxError"),
        ("def fit(data):\n    pass", "TypeError"),
        ("import sys\ndef fit(data, seed): sys.exit(3)", "SystemExit"),
        ("def fit(data, seed): raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_whatever_it_raises_is_kept_with_its_traceback(recipe: Make, data: Dataset, source: str, word: str) -> None:
    with pytest.raises(RecipeRaised, match=word) as caught:
        recipe(source).train(data, 0)
    assert "Traceback" in str(caught.value.details)
    assert word in str(caught.value.details)


def test_an_exception_without_words_is_named_alone(recipe: Make, data: Dataset) -> None:
    with pytest.raises(RecipeRaised) as caught:
        recipe("def fit(data, seed):\n    raise MemoryError").train(data, 0)
    assert caught.value.what == "the recipe train:fit raised MemoryError"


def test_the_line_that_raised_is_named(recipe: Make, data: Dataset) -> None:
    with pytest.raises(RecipeRaised) as caught:
        recipe("import numpy as np\ndef fit(data, seed):\n    return np.ones(3).reshape(2)").train(data, 0)
    assert str(caught.value.where).endswith("train.py:3")


def test_a_hang_is_killed_at_the_limit_and_the_next_training_starts_anew(recipe: Make, data: Dataset) -> None:
    source = """
    import time
    import numpy as np

    class M:
        def predict(self, X): return np.zeros(len(X), int)

    def fit(data, seed):
        if seed == 0:
            time.sleep(1000)
        return M()
    """
    slow = recipe(source, timeout=1.5)
    with pytest.raises(RecipeTimedOut, match=r"1\.5 seconds"):
        slow.train(data, 0)
    assert recipe(source).train(data, 1).classes == 2


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        ("os._exit(7)", "exit code 7"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    ],
)
def test_a_crash_takes_only_the_worker_down(recipe: Make, data: Dataset, body: str, ending: str) -> None:
    source = f"import ctypes, os, signal, sys\ndef fit(data, seed):\n    print('last words')\n    {body}\n"
    with pytest.raises(RecipeCrashed, match=ending) as caught:
        recipe(source).train(data, 0)
    assert "last words" in str(caught.value.details)
    assert recipe(GOOD).train(data, 0).classes == 2


def test_a_crash_while_importing_is_a_crash(recipe: Make, data: Dataset) -> None:
    with pytest.raises(RecipeCrashed, match="exit code 9"):
        recipe("import os\nos._exit(9)\ndef fit(data, seed): pass").train(data, 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "type NoneType"),
        ("return [1, 2]", "type list"),
        ("return lambda X: X", "cannot be pickled"),
        ("class Local:\n        def predict(self, X): return X\n    return Local()", "cannot be pickled"),
        ("return open(__file__)", "cannot be pickled"),
        ("from sklearn.linear_model import LogisticRegression\n    return LogisticRegression", "type"),
    ],
)
def test_a_return_that_is_no_model_is_named(recipe: Make, data: Dataset, body: str, said: str) -> None:
    with pytest.raises(RecipeWrongReturn, match=said) as caught:
        recipe(f"def fit(data, seed):\n    {body}\n").train(data, 0)
    assert caught.value.fix


def test_an_object_that_fails_to_come_back_is_a_wrong_return(recipe: Make, data: Dataset) -> None:
    source = """
    import os

    WORKER = os.getpid()

    class M:
        def __setstate__(self, state):
            raise RuntimeError("will not be revived")
        def __getstate__(self): return {"a": 1}
        def predict(self, X): return X

    def fit(data, seed): return M()
    """
    with pytest.raises(RecipeWrongReturn, match="M") as caught:
        recipe(source).train(data, 0)
    assert "will not be revived" in str(caught.value.why)


def test_a_model_with_other_classes_is_named(recipe: Make, data: Dataset) -> None:
    source = """
    from sklearn.linear_model import LogisticRegression
    def fit(data, seed): return LogisticRegression().fit(data.X, data.y + 5)
    """
    with pytest.raises(ShapeMismatch, match="5, 6"):
        recipe(source).train(data, 0)


def test_forgotten_seeds_are_set_and_true_randomness_is_found_out(recipe: Make, data: Dataset) -> None:
    forgetful = """
    import random
    import numpy as np
    import torch

    def fit(data, seed):
        net = torch.nn.Linear(3, 2)
        net.bias.data += float(np.random.rand() + random.random())
        return net
    """
    ref = recipe(forgetful)
    assert check_deterministic(ref, data, 5).exact
    assert (ref.train(data, 5).scores(data.X) != ref.train(data, 6).scores(data.X)).any()

    random = """
    import os
    import numpy as np
    from sklearn.tree import DecisionTreeClassifier

    def fit(data, seed):
        rng = np.random.default_rng(int.from_bytes(os.urandom(8), "big"))
        return DecisionTreeClassifier().fit(data.X, rng.integers(0, 2, len(data)))
    """
    found = check_deterministic(recipe(random), data, 5, data.X[:40])
    assert 0.0 < found.labels_changed <= 1.0
    assert found.largest_difference == 1.0
    assert not found.exact


def test_the_digest_covers_the_sources_that_the_recipe_reaches(tmp_path: Path) -> None:
    files = {
        "train.py": "import helper\nfrom pack import part\ndef fit(data, seed): pass",
        "helper.py": "import deeper",
        "deeper.py": "x = 1",
        "pack/__init__.py": "",
        "pack/part.py": "from . import other\nfrom .third import z",
        "pack/other.py": "y = 1",
        "pack/third.py": "z = 1",
        "stranger.py": "z = 1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    recipe = RecipeRef("train:fit", tmp_path)
    before = recipe.digest
    assert before == RecipeRef("train:fit", tmp_path, timeout=5).digest
    assert before != RecipeRef("train:other", tmp_path).digest
    for name in files:
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text + "\n# changed\n")
        assert (recipe.digest == before) is (name == "stranger.py"), name
        (tmp_path / name).write_text(text)
    assert recipe.digest == before


def test_the_digest_of_a_recipe_that_is_not_there_or_broken_is_still_one(tmp_path: Path) -> None:
    assert len(RecipeRef("nowhere:fit", tmp_path).digest) == 64
    (tmp_path / "train.py").write_text("def (")
    assert len(RecipeRef("train:fit", tmp_path).digest) == 64


def test_an_installed_module_serves_as_a_recipe_too(tmp_path: Path, data: Dataset) -> None:
    ref = RecipeRef("sklearn.dummy:DummyClassifier", tmp_path)
    assert ref.digest != RecipeRef("sklearn.svm:DummyClassifier", tmp_path).digest
    with pytest.raises(RecipeRaised):
        ref.train(data, 0)


def test_the_reference_pickles_and_works_in_a_pool_of_processes(recipe: Make, data: Dataset) -> None:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    ref = pickle.loads(pickle.dumps(recipe(GOOD)))
    here = ref.train(data, 1)
    there = Parallel(n_jobs=2)(delayed(ref.train)(data, 1) for _ in range(3))
    for model in there:
        np.testing.assert_array_equal(model.scores(data.X), here.scores(data.X))
    get_reusable_executor().shutdown(wait=True, kill_workers=True)


def test_the_worker_dies_with_its_parent_even_in_the_middle_of_a_training(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import os, pathlib, time\n"
        "def fit(data, seed):\n"
        f"    pathlib.Path({str(tmp_path / 'half')!r}).write_text(str(os.getpid()))\n"
        f"    os.rename({str(tmp_path / 'half')!r}, {str(tmp_path / 'pid')!r})\n"
        "    time.sleep(1000)\n"
    )
    script = textwrap.dedent(
        f"""
        import os, pathlib, threading, time
        import numpy as np
        from casemate.core.dataset import Dataset
        from casemate.core.schema import Column, Schema
        from casemate.systems.recipe import RecipeRef

        data = Dataset(np.zeros((2, 1)), np.array([0, 1]), Schema((Column("a"),), ("x", "y")))
        root = pathlib.Path({str(tmp_path)!r})
        threading.Thread(target=RecipeRef("train:fit", root).train, args=(data, 0), daemon=True).start()
        while not (root / "pid").exists():
            time.sleep(0.05)
        os._exit(0)
        """
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if "src" in p)}
    subprocess.run([sys.executable, "-c", script], check=True, env=env, timeout=60)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(200):
        if not _running(pid):
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent")


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
