"""torch modules: chains of layers are read exactly, and what is none is refused by name."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from casemate.controls.homomorphic.circuits import Circuit, Convolution, Linear, Polynomial
from casemate.controls.homomorphic.drafts import Asked
from casemate.controls.homomorphic.from_torch import from_torch, polynomial_module
from casemate.controls.homomorphic.importing import circuit_of
from casemate.controls.homomorphic.replacing import Settings
from casemate.controls.homomorphic.torch_modules import PolynomialActivation
from casemate.core.errors import ModelUnsupported, NotFinite, ShapeMismatch

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(40, 2, 8, 8))
ROWS = RNG.normal(size=(300, 6))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def answers(module: nn.Module, rows: np.ndarray) -> np.ndarray:
    """What a module gives in float64 and evaluation mode."""
    with torch.no_grad():
        return copy.deepcopy(module).double().eval()(torch.from_numpy(rows)).numpy()


def trained(module: nn.Module, rows: np.ndarray) -> nn.Module:
    """A module whose batch normalisation has seen rows."""
    module.train()
    with torch.no_grad():
        for _ in range(3):
            module(torch.from_numpy(rows).float())
    return module


def same(circuit: Circuit, module: nn.Module, rows: np.ndarray) -> None:
    wanted = answers(module, rows)
    got = circuit.scores(rows.reshape(len(rows), -1))
    np.testing.assert_allclose(got, wanted.reshape(len(rows), -1), rtol=1e-9, atol=1e-9 * np.abs(wanted).max())


class Square(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x


class Functions(nn.Module):
    """The same by functions, methods, operators and constants."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(5, 2, 3, 3))
        self.second = nn.Linear(5 * 4 * 4, 4)
        self.register_buffer("mean", torch.tensor([0.2, -0.1]).reshape(1, 2, 1, 1))
        self.scale = 1.7

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - self.mean) / self.scale
        x = functional.conv2d(x, self.first, padding=1)
        x = 0.3 * x**2 + 0.5 * x - 0.1
        x = functional.avg_pool2d(x, 2)
        x = functional.dropout(x, training=self.training)
        x = self.second(x.view(x.size(0), -1))
        x = torch.square(x).add_(1)
        return 2 - torch.pow(x, 3)


def sequentials() -> dict[str, nn.Module]:
    return {
        "tutorial": nn.Sequential(
            nn.Conv2d(2, 3, 3, stride=2), Square(), nn.Flatten(), nn.Linear(27, 8), Square(), nn.Linear(8, 4)
        ),
        "normalised": nn.Sequential(
            nn.BatchNorm2d(2),
            nn.Conv2d(2, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            Square(),
            nn.AvgPool2d(2),
            nn.Conv2d(4, 6, 2, groups=2),
            nn.Dropout2d(),
            Square(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 3),
            nn.BatchNorm1d(3, affine=False),
        ),
        "windows": nn.Sequential(
            nn.Conv2d(2, 3, (2, 3), padding="same", dilation=(2, 1)),
            Square(),
            nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
            nn.AvgPool2d(2, divisor_override=3),
            nn.Flatten(),
            nn.Identity(),
            nn.Linear(12, 2),
        ),
        "padded": nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1),
            Square(),
            nn.Conv2d(3, 2, 3, padding=1),
            Square(),
            nn.Flatten(),
            nn.Linear(128, 3),
        ),
        "functions": Functions(),
        "linear": nn.Sequential(nn.Flatten(), nn.Linear(128, 5), nn.Linear(5, 2)),
    }


@pytest.mark.parametrize("name", sorted(sequentials()))
def test_exact_networks_give_the_same_scores(name: str) -> None:
    torch.manual_seed(0)
    module = trained(sequentials()[name], IMAGES)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Using padding='same'")
        circuit = circuit_of(module, IMAGES)
        same(circuit, module, IMAGES)
    assert circuit.answer == "multiclass"
    assert module.training  # it was not touched
    kinds = [isinstance(step, Polynomial) for step in circuit.steps]
    assert kinds == [place % 2 == 1 for place in range(len(kinds))]
    assert np.abs(circuit.preparation(IMAGES.reshape(40, -1))).max() <= 1


def test_the_tutorials_network_costs_four_levels() -> None:
    circuit = circuit_of(sequentials()["tutorial"], IMAGES)
    assert [type(step) for step in circuit.steps] == [Convolution, Polynomial, Linear, Polynomial, Linear]
    assert all(step.coefficients.tolist() == [0, 0, 1] for step in circuit.steps if isinstance(step, Polynomial))


def test_convolutions_stay_ones() -> None:
    module = trained(sequentials()["normalised"], IMAGES)
    first, _, second, _, last = circuit_of(module, IMAGES).steps
    assert isinstance(first, Convolution)
    assert isinstance(second, Convolution)  # the pool and the convolution after it
    assert second.kernels.shape == (6, 4, 4, 4)
    assert isinstance(last, Linear)


@pytest.mark.parametrize(
    "activation", [nn.ReLU(), nn.Sigmoid(), nn.Tanh(), nn.GELU(), nn.GELU("tanh"), nn.SiLU()], ids=str
)
@pytest.mark.parametrize("image", [False, True])
def test_functions_are_read_exactly_and_then_replaced(activation: nn.Module, image: bool) -> None:
    torch.manual_seed(1)
    if image:
        module: nn.Module = nn.Sequential(nn.Conv2d(2, 3, 3), activation, nn.Flatten(), nn.Linear(108, 3))
    else:
        module = nn.Sequential(nn.Linear(6, 8), activation, nn.Linear(8, 3))
    rows = IMAGES if image else ROWS
    flat = rows.reshape(len(rows), -1)
    draft = from_torch(module, Asked(rows.shape[1:], flat))
    np.testing.assert_allclose(draft.scores(flat), answers(module, rows), rtol=1e-9, atol=1e-12)
    circuit = circuit_of(module, rows, settings=Settings(degrees=(2, 4)))
    agree = (circuit.decide(circuit.scores(flat)) == answers(module, rows).argmax(axis=1)).mean()
    assert agree > 0.9
    assert "replaced by a polynomial of degree" in circuit.semantics
    assert f"{round(agree * len(rows))} of {len(rows)} calibration rows" in circuit.semantics


@pytest.mark.parametrize(
    ("end", "outputs", "answer"),
    [
        ([nn.Softmax(dim=1)], 3, "multiclass"),
        ([nn.LogSoftmax(dim=-1)], 3, "multiclass"),
        ([nn.Sigmoid()], 1, "binary"),
        ([nn.Sigmoid(), nn.Flatten(0)], 1, "binary"),
        ([], 1, "number"),
    ],
)
def test_the_last_function_is_the_clients(end: list[nn.Module], outputs: int, answer: str) -> None:
    module = nn.Sequential(nn.Linear(6, 4), Square(), nn.Linear(4, outputs), *end)
    circuit = circuit_of(module, ROWS)
    assert circuit.answer == answer
    wanted = answers(module, ROWS).reshape(len(ROWS), -1)
    wanted = np.exp(wanted) if end and isinstance(end[0], nn.LogSoftmax) else wanted
    got = circuit.probabilities(circuit.scores(ROWS))
    np.testing.assert_allclose(got[:, -wanted.shape[1] :], wanted, atol=1e-9)


def test_one_logit_is_of_two_classes_where_these_are_named() -> None:
    module = nn.Sequential(nn.Linear(6, 1), nn.Flatten(0))
    circuit = circuit_of(module, ROWS, classes=("no", "yes"))
    assert (circuit.answer, circuit.classes) == ("binary", ("no", "yes"))
    assert circuit_of(nn.Linear(6, 3), ROWS, answer="number").classes == ()


class Skips(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(x + torch.relu(self.a(x)))


class Branches(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class Splits(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = x.chunk(2, dim=1)
        return first * second


class Crosses(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(0)


class Reads(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x.sum().item()


@pytest.mark.parametrize(
    ("module", "name", "fix"),
    [
        (
            nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 2)),
            "MaxPool2d",
            "average pool",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(128, 2), nn.LeakyReLU()), "LeakyReLU", "ReLU, GELU"),
        (nn.Sequential(nn.Flatten(), nn.LayerNorm(128)), "LayerNorm", "batch normalisation"),
        (nn.Sequential(nn.Flatten(), nn.Linear(128, 2), nn.Softmax(1), nn.Linear(2, 2)), "softmax", "last step"),
        (nn.Sequential(nn.Flatten(), nn.Linear(128, 2), nn.Sigmoid()), "several labels", "answer='number'"),
        (
            nn.Sequential(nn.AvgPool2d(3, ceil_mode=True), nn.Flatten(), nn.Linear(18, 2)),
            "ceil_mode",
            "ceil_mode=False",
        ),
        (nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(18, 2)), "adaptive pool", "divides"),
        (nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), nn.Flatten()), "Conv2d", ""),
        (nn.Sequential(nn.Linear(8, 3), nn.Flatten()), "one axis", "flatten"),
        (nn.Sequential(nn.Flatten(), nn.BatchNorm1d(128, track_running_stats=False)), "batch normalisation", "track"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_not_supported_is_named(module: nn.Module, name: str, fix: str) -> None:
    with pytest.raises(ModelUnsupported, match=name) as caught:
        circuit_of(module, IMAGES)
    assert fix in str(caught.value.fix)
    assert caught.value.where


@pytest.mark.parametrize(
    ("module", "name"),
    [(Skips(), "branch"), (Branches(), "traced"), (Splits(), "chunk"), (Crosses(), "mean"), (Reads(), "sum|item")],
    ids=lambda one: type(one).__name__,
)
def test_what_is_no_chain_is_refused(module: nn.Module, name: str) -> None:
    with pytest.raises(ModelUnsupported, match=name):
        circuit_of(module, ROWS)


def test_rows_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeMismatch):
        circuit_of(nn.Linear(5, 2), ROWS)
    with pytest.raises(NotFinite):
        circuit_of(nn.Linear(6, 2), np.full((3, 6), np.nan))


@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated")
@pytest.mark.parametrize("fixed", [False, True])
def test_exported_programs_are_read_by_their_operators(fixed: bool) -> None:
    module = trained(
        nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            Square(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(48, 3),
            nn.Softmax(dim=1),
        ),
        IMAGES,
    ).eval()
    sizes = None if fixed else ({0: torch.export.Dim("batch", min=2, max=1024)},)
    program = torch.export.export(module, (torch.zeros(3, 2, 8, 8),), dynamic_shapes=sizes)
    circuit = circuit_of(program.module(), IMAGES)
    got = circuit.probabilities(circuit.scores(IMAGES.reshape(40, -1)))
    np.testing.assert_allclose(got, answers(module, IMAGES), atol=1e-6)
    assert circuit.answer == "multiclass"


def test_polynomials_take_the_place_of_functions_and_can_be_trained() -> None:
    torch.manual_seed(0)
    relu = nn.ReLU()  # one object in two places
    module = nn.Sequential(nn.Linear(6, 16), relu, nn.Linear(16, 16), relu, nn.Linear(16, 2))
    before = copy.deepcopy(module.state_dict())
    x, y = torch.from_numpy(ROWS).float(), torch.from_numpy(answers(module, ROWS).argmax(axis=1))
    given: list[nn.Module] = []

    def fine_tune(network: nn.Module) -> None:
        given.append(network)
        assert network.training
        optimiser = torch.optim.Adam(network.parameters(), lr=0.003)
        for _ in range(150):
            optimiser.zero_grad()
            functional.cross_entropy(network(x), y).backward()
            optimiser.step()

    wanted = Settings(degrees=(2,), agreement=0.999)
    plain = circuit_of(module, ROWS, settings=wanted)
    tuned = circuit_of(module, ROWS, settings=wanted, fine_tune=fine_tune)
    assert len(given) == 1
    assert sum(isinstance(part, PolynomialActivation) for part in given[0].modules()) == 2
    truth = answers(module, ROWS).argmax(axis=1)
    shares = [(one.decide(one.scores(ROWS)) == truth).mean() for one in (plain, tuned)]
    assert shares[1] > shares[0]
    assert "trained again" in tuned.semantics
    assert "less than the 99.9% asked for" in plain.semantics
    np.testing.assert_allclose(tuned.scores(ROWS), answers(given[0], ROWS), rtol=1e-6, atol=1e-6)
    assert all((module.state_dict()[name] == value).all() for name, value in before.items())


def test_without_need_nothing_is_trained() -> None:
    module = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 2))

    def fine_tune(network: nn.Module) -> None:
        raise AssertionError

    settings = Settings(agreement=0.5)
    assert "trained" not in circuit_of(module, ROWS, settings=settings, fine_tune=fine_tune).semantics


@pytest.mark.parametrize("image", [False, True])
def test_a_polynomial_module_computes_what_replaces_its_functions(image: bool) -> None:
    from casemate.controls.homomorphic.activations import replacement

    torch.manual_seed(0)
    rows = IMAGES if image else ROWS
    asked = Asked(rows.shape[1:], rows.reshape(len(rows), -1))
    first: list[nn.Module] = [nn.Conv2d(2, 3, 3)] if image else [nn.Linear(6, 5)]
    module = nn.Sequential(*first, nn.GELU(), nn.Flatten(), nn.Linear(108 if image else 5, 2))
    draft = from_torch(module, asked)
    (function,) = draft.nonlinear
    values = draft.steps[0](asked.rows)
    made = replacement(function, values, 3, "minimax", margin=0.1, offsets=True)
    network = polynomial_module(module, (made,), asked)
    np.testing.assert_allclose(answers(network, rows), draft.steps[2](made(values)), atol=1e-5)
    again = from_torch(network, asked)
    assert not again.nonlinear
    np.testing.assert_allclose(again.scores(asked.rows), answers(network, rows), rtol=1e-9, atol=1e-12)


def test_only_torch_modules_are_trained_again() -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, (ROWS[:, 0] > 0).astype(int))
    with pytest.raises(ModelUnsupported, match="trained with polynomials"):
        circuit_of(model, ROWS, fine_tune=lambda network: network)
