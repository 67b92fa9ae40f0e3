"""The best cut of a small node, for the compiled kernel: all rows against all, in vectors, without a branch.

For up to 64 rows, counting for each row how many are not above it takes fewer cycles than sorting them or filling a
histogram: the counts of 16 rows are one register. Written in LLVM's own terms, as in `rows_numba`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils as _cgutils
from numba.core import types as _types
from numba.extending import intrinsic

cgutils: Any = _cgutils  # numba has no types of its own to check against
types: Any = _types

FEW = 64
"""Rows that are compared with each other, at most."""


def _nearest_of(lanes: int) -> Any:
    """Return the code generator for up to ``lanes`` rows."""

    def nearest(_: Any, X: Any, m: Any, column: Any, high: Any, k: Any, wanted: Any) -> Any:  # noqa: ARG001
        """Return the allowed cut between values whose low side, doubled, is nearest to ``wanted``.

        Args:
            X: the rows, (m, width) C order.
            m: how many, up to ``lanes``.
            column: where to look.
            high: the column's greatest code.
            k: rows that either side must have.
            wanted: twice the rows that the low side should have, in [0, 2 m].

        Returns:
            The greatest code of the low side and its rows; code -1 where no cut is allowed.
        """

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = _Comparison(context, builder, signature, args, lanes)
            return context.make_tuple(builder, signature.return_type, code.best())

        both = types.UniTuple(types.int64, 2)
        return both(X, types.int64, types.int64, types.int64, types.int64, types.int64), codegen

    return intrinsic(nearest)


class _Comparison:
    """The code of one comparison, as it is being written."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.bits = signature.args[0].dtype.bitwidth
        self.code = ir.IntType(self.bits)
        self.vector = ir.VectorType(self.code, lanes)
        X = context.make_array(signature.args[0])(context, builder, args[0])
        self.m, self.column = args[1], args[2]
        self.width = builder.extract_value(X.shape, 1)
        self.rows = X.data
        self.high, self.k, self.wanted, self.size = (
            self.splat(builder.trunc(value, self.code)) for value in (*args[3:6], self.m)
        )

    def splat(self, value: Any) -> Any:
        """Return a vector of one value."""
        index = ir.IntType(32)
        one = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), value, ir.Constant(index, 0))
        zeros = ir.Constant(ir.VectorType(index, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, ir.Constant(self.vector, ir.Undefined), zeros)

    def all(self, value: int) -> Any:
        return ir.Constant(self.vector, [value] * self.lanes)

    def reduce(self, how: str, vector: Any) -> Any:
        """Return the least or greatest element."""
        kind = ir.FunctionType(self.code, [self.vector])
        name = f"llvm.vector.reduce.{how}.v{self.lanes}i{self.bits}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [vector])

    def gathered(self) -> Any:
        """Return room that holds the column; lanes behind the last row hold its greatest code."""
        builder = self.builder
        room = cgutils.alloca_once(builder, self.vector)
        builder.store(self.high, room)
        first = builder.bitcast(room, self.code.as_pointer())
        with cgutils.for_range(builder, self.m) as loop:
            place = builder.add(builder.mul(loop.index, self.width), self.column)
            value = builder.load(builder.gep(self.rows, [place], source_etype=self.code), typ=self.code)
            builder.store(value, builder.gep(first, [loop.index], source_etype=self.code))
        return room

    def counts(self, room: Any) -> Any:
        """Return for each row how many are not above it."""
        builder = self.builder
        values = builder.load(room, typ=self.vector)
        first = builder.bitcast(room, self.code.as_pointer())
        counted = cgutils.alloca_once_value(builder, self.all(0))
        with cgutils.for_range(builder, self.m) as loop:
            one = self.splat(builder.load(builder.gep(first, [loop.index], source_etype=self.code), typ=self.code))
            below = builder.sext(builder.icmp_signed("<=", one, values), self.vector)
            builder.store(builder.sub(builder.load(counted), below), counted)
        return values, builder.load(counted)

    def best(self) -> list[Any]:
        """Return the code and the rows of the low side of the best cut."""
        builder, long = self.builder, ir.IntType(64)
        values, counts = self.counts(self.gathered())
        away = builder.sub(builder.shl(counts, self.all(1)), self.wanted)
        away = builder.select(builder.icmp_signed("<", away, self.all(0)), builder.neg(away), away)
        allowed = builder.and_(
            builder.icmp_signed(">=", counts, self.k), builder.icmp_signed("<=", counts, builder.sub(self.size, self.k))
        )
        never = self.all(2 * FEW * 2 * FEW * 2 - 1)
        scores = builder.select(allowed, builder.or_(builder.shl(away, self.all(7)), counts), never)
        best = self.reduce("smin", scores)
        found = builder.icmp_signed("==", scores, self.splat(best))
        code = self.reduce("smax", builder.select(found, values, self.all(-1)))
        none = builder.icmp_signed("==", best, ir.Constant(self.code, 2 * FEW * 2 * FEW * 2 - 1))
        lows = builder.and_(best, ir.Constant(self.code, 2 * FEW - 1))
        return [builder.select(none, ir.Constant(long, -1), builder.sext(code, long)), builder.zext(lows, long)]


nearest_of_16: Any = _nearest_of(16)
nearest_of_32: Any = _nearest_of(32)
nearest_of_64: Any = _nearest_of(64)
