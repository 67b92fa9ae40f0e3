"""Refusals: what cannot be computed on ciphertexts, named, with what would work in its place."""

from __future__ import annotations

from casemate.core.errors import ModelUnsupported

_POLYNOMIAL = "use ReLU, GELU, SiLU, sigmoid, tanh or a square, which polynomials replace"

_INSTEAD = {
    "maxpool": "use an average pool, or a convolution with a stride",
    "max_pool": "use an average pool, or a convolution with a stride",
    "adaptivemaxpool": "use an average pool, or a convolution with a stride",
    "layernorm": "use batch normalisation, which folds into the weights",
    "layer_norm": "use batch normalisation, which folds into the weights",
    "groupnorm": "use batch normalisation, which folds into the weights",
    "group_norm": "use batch normalisation, which folds into the weights",
    "instancenorm": "use batch normalisation, which folds into the weights",
    "normalizer": "scale every feature by itself, with StandardScaler or MinMaxScaler",
    "softmax": "let it be the last step, which the client computes",
    "logsoftmax": "let it be the last step, which the client computes",
    "embedding": "encode categories as 0 and 1 before the model",
    "onehotencoder": "let the client encode categories before the rows are given to the model",
    "columntransformer": "let the client prepare the columns, and compile the estimator behind it",
    "lstm": "use linear layers or convolutions over a window",
    "gru": "use linear layers or convolutions over a window",
    "rnn": "use linear layers or convolutions over a window",
    "multiheadattention": "use linear layers or convolutions",
    "linearclassifier": "compile the scikit-learn model itself",
    "linearregressor": "compile the scikit-learn model itself",
    "treeensembleclassifier": "compile the tree model itself",
    "treeensembleregressor": "compile the tree model itself",
    "svmclassifier": "use a linear kernel",
    "svc": "use LinearSVC",
    "svr": "use LinearSVR",
}
_FUNCTIONS = (
    *("leakyrelu", "leaky_relu", "elu", "selu", "celu", "prelu", "softplus", "softsign", "hardswish", "hardsigmoid"),
    *("hardtanh", "relu6", "mish", "clip", "abs", "exp", "log", "sqrt", "sin", "cos", "erf"),
)

LAYERS = (
    "linear layers, convolutions, average pools, batch normalisation, dropout, squares, "
    "and ReLU, GELU, SiLU, sigmoid and tanh, one after the other"
)
"""What networks may be made of."""


def refused(name: str, where: str, *, why: str = "", fix: str = "") -> ModelUnsupported:
    """Return the error for a layer, operator or estimator that does not become sums, products and polynomials.

    Args:
        name: what the library calls it.
        where: its place in the model.
        why: the reason; that it is no polynomial by default.
        fix: what would work; by its name by default.
    """
    key = name.lower().rstrip("123d_")
    return ModelUnsupported(
        f"{name} cannot be computed on encrypted data",
        where=where,
        why=why or "ciphertexts allow sums, products and polynomials of a low degree",
        fix=fix or _INSTEAD.get(key) or (_POLYNOMIAL if key in _FUNCTIONS else f"use {LAYERS}"),
    )
