"""One pass over rows of codes for the compiled kernel: part them at a cut, and bound both sides, a whole row at a time.

A row is one vector (8 codes of 16 bits fill a 128-bit register), so a pass costs a few instructions per row whatever
the number of columns. Written in LLVM's own terms because numba does not vectorise across the fields of a row.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils as _cgutils
from numba.core import types as _types
from numba.extending import intrinsic

cgutils: Any = _cgutils  # numba has no types of its own to check against
types: Any = _types


def _part(_: Any, source: Any, target: Any, old: Any, new: Any, span: Any, cut: Any, bounds: Any, lanes: Any) -> Any:
    """Copy rows to the side of a cut that they fall on, in order, and write the bounds of both sides.

    Args:
        source, target: codes before and after, (n, width) C order.
        old, new: row numbers before and after, (n,) int32.
        span: (first row, end, first row of the high side).
        cut: (column, code, ties): lower codes fall on the low side, and of rows with the code itself so many.
        bounds: (high side's minima, its maxima, low side's minima, its maxima), (4, width).
        lanes: a tuple as long as a row is wide; only its length matters.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pass_ = _Pass(context, builder, signature, args)
        with cgutils.for_range(builder, builder.sub(pass_.stop, pass_.start)) as loop:
            pass_.row(builder.add(pass_.start, loop.index))
        pass_.finish()
        return context.get_dummy_value()

    return types.void(source, target, old, new, span, cut, bounds, lanes), codegen


class _Pass:
    """The code of one pass, as it is being written."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any) -> None:
        types_, self.builder = signature.args, builder
        arrays = [context.make_array(types_[i])(context, builder, args[i]).data for i in (0, 1, 2, 3, 6)]
        self.source, self.target, self.old, self.new, self.bounds = arrays
        self.start, self.stop, middle = cgutils.unpack_tuple(builder, args[4], 3)
        self.column, code, ties = cgutils.unpack_tuple(builder, args[5], 3)
        self.width = types_[7].count
        self.code = ir.IntType(types_[0].dtype.bitwidth)
        self.vector = ir.VectorType(self.code, self.width)
        self.cut = builder.trunc(code, self.code)
        self.places = [cgutils.alloca_once_value(builder, place) for place in (self.start, middle)]
        self.ties = cgutils.alloca_once_value(builder, ties)
        self.most = self.all((1 << (types_[0].dtype.bitwidth - 1)) - 1)
        self.accumulators = [
            cgutils.alloca_once_value(builder, value) for value in (self.most, self.all(0), self.most, self.all(0))
        ]

    def all(self, value: int) -> Any:
        return ir.Constant(self.vector, [value] * self.width)

    def at(self, array: Any, row: Any, kind: Any) -> Any:
        """Point to a row of an array of codes."""
        builder = self.builder
        element = builder.gep(
            builder.bitcast(array, self.code.as_pointer()),
            [builder.mul(row, ir.Constant(row.type, self.width))],
            source_etype=self.code,
        )
        return builder.bitcast(element, kind.as_pointer())

    def load(self, array: Any, row: Any) -> Any:
        value = self.builder.load(self.at(array, row, self.vector), typ=self.vector)
        value.align = self.code.width // 8
        return value

    def store(self, value: Any, array: Any, row: Any) -> None:
        self.builder.store(value, self.at(array, row, self.vector), align=self.code.width // 8)

    def row(self, row: Any) -> None:
        """Move one row."""
        builder = self.builder
        codes = self.load(self.source, row)
        field = builder.gep(self.at(self.source, row, self.code), [self.column], source_etype=self.code)
        low = self.falls_low(builder.load(field, typ=self.code))
        left, right = (builder.load(place) for place in self.places)
        place = builder.select(low, left, right)
        self.store(codes, self.target, place)
        number = builder.load(builder.gep(self.old, [row]))
        builder.store(number, builder.gep(self.new, [place]))
        step = builder.zext(low, left.type)
        builder.store(builder.add(left, step), self.places[0])
        builder.store(builder.add(right, builder.sub(ir.Constant(step.type, 1), step)), self.places[1])
        self.widen(codes, low)

    def falls_low(self, value: Any) -> Any:
        """Tell whether a row with this code falls on the low side, and count it if it is tied."""
        builder = self.builder
        ties = builder.load(self.ties)
        tied = builder.icmp_signed("==", value, self.cut)
        room = builder.icmp_signed(">", ties, ir.Constant(ties.type, 0))
        builder.store(builder.sub(ties, builder.zext(tied, ties.type)), self.ties)
        return builder.or_(builder.icmp_signed("<", value, self.cut), builder.and_(tied, room))

    def widen(self, codes: Any, low: Any) -> None:
        """Take a row into the bounds of its side; to the other side it looks like no row."""
        builder = self.builder
        one = builder.insert_element(
            ir.Constant(self.vector, ir.Undefined), builder.sext(low, self.code), ir.Constant(ir.IntType(32), 0)
        )
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        mine = builder.shuffle_vector(one, ir.Constant(self.vector, ir.Undefined), zeros)
        other = builder.xor(mine, self.all(-1))
        for i, (inside, outside) in enumerate(((other, mine), (mine, other))):
            self.keep("<", 2 * i, builder.or_(codes, builder.and_(outside, self.most)))
            self.keep(">", 2 * i + 1, builder.and_(codes, inside))

    def keep(self, order: str, which: int, codes: Any) -> None:
        best = self.builder.load(self.accumulators[which])
        nearer = self.builder.icmp_signed(order, codes, best)
        self.builder.store(self.builder.select(nearer, codes, best), self.accumulators[which])

    def finish(self) -> None:
        """Write the bounds."""
        for i, accumulator in enumerate(self.accumulators):
            self.store(self.builder.load(accumulator), self.bounds, ir.Constant(ir.IntType(64), i))


part_rows: Any = intrinsic(_part)
