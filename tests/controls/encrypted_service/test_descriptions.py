import msgspec
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from casemate.controls.encrypted_service.compile_model import Asked, compile_model
from casemate.controls.encrypted_service.descriptions import Description, FeatureFile, read, written
from casemate.core.errors import BadEnvelope, ShapeMismatch

NAMES = (FeatureFile("age", "integer"), FeatureFile("colour", "category", ("blue", "red")), FeatureFile("weight"))


@pytest.fixture(scope="module")
def described() -> Description:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    model = LogisticRegression().fit(rows, rows @ [1.0, -2.0, 0.5] > 0)
    public = compile_model(model, rows, Asked("small", features=NAMES)).program.public
    return read(public.to_bytes())


def test_features_travel_with_the_program(described: Description) -> None:
    assert described.features == NAMES
    assert read(written(described)) == described


@pytest.mark.parametrize("features", [NAMES[:2], (*NAMES, FeatureFile("more")), (*NAMES[:2], NAMES[0])])
def test_features_that_are_not_named_once_each_are_refused(
    described: Description, features: tuple[FeatureFile, ...]
) -> None:
    with pytest.raises(BadEnvelope, match="features"):
        read(written(msgspec.structs.replace(described, features=features)))


def test_they_may_have_no_names(described: Description) -> None:
    assert read(written(msgspec.structs.replace(described, features=()))).features == ()


def test_too_few_names_are_refused_when_a_model_is_compiled() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    model = LogisticRegression().fit(rows, rows.sum(axis=1) > 0)
    with pytest.raises(ShapeMismatch, match="2 features are named"):
        compile_model(model, rows, Asked("small", features=NAMES[:2]))
