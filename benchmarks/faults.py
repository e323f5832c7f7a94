"""Faults to plant in a module: one number, comparison, plus or minus, `and` or `or` changed, or the 1 of `n - 1` removed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

COMPARISONS = {
    ast.Lt: ("<", ("<=", ">")), ast.LtE: ("<=", ("<", ">=")), ast.Gt: (">", (">=", "<")), ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)), ast.NotEq: ("!=", ("==",)),
}  # fmt: skip
"""Operator to its text and its replacements: the other strictness, the other direction."""

SWAPPED = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.And: ("and", "or"), ast.Or: ("or", "and")}


@dataclass(frozen=True)
class Fault:
    """Bytes ``start`` to ``end`` of a file are replaced."""

    path: str
    line: int
    start: int
    end: int
    before: str
    after: str

    def planted_in(self, source: bytes) -> bytes:
        return source[: self.start] + self.after.encode() + source[self.end :]


class Places:
    """The places of a module that a fault may change."""

    def __init__(self, path: str, source: bytes):
        self.path, self.source, self.line_starts = path, source, [0]
        for line in source.splitlines(keepends=True):
            self.line_starts.append(self.line_starts[-1] + len(line))

    def faults(self) -> Iterator[Fault]:
        for node in live_nodes(ast.parse(self.source)):
            match node:
                case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                    yield self._fault(*self._span(node), grown(value))
                case ast.Compare():
                    sides = [node.left, *node.comparators]
                    for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
                        text, others = COMPARISONS.get(type(op), ("", ()))
                        yield from (self._fault(*self._between(left, right, text), other) for other in others)
                case ast.BoolOp(values=values):
                    text, other = SWAPPED[type(node.op)]
                    yield from (self._fault(*self._between(a, b, text), other) for a, b in pairwise(values))
                case ast.BinOp(left=left, right=right) if type(node.op) in SWAPPED:
                    text, other = SWAPPED[type(node.op)]
                    start, end = self._between(left, right, text)
                    yield self._fault(start, end, other)
                    if text == "-" and isinstance(right, ast.Constant) and right.value == 1:
                        yield self._fault(start, self._span(right)[1], "")
                case ast.AugAssign(target=left, value=right) if type(node.op) in SWAPPED:
                    text, other = SWAPPED[type(node.op)]
                    yield self._fault(*self._between(left, right, text), other)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        return self.line_starts[node.lineno - 1] + node.col_offset, self.line_starts[node.end_lineno - 1] + node.end_col_offset

    def _between(self, left: ast.AST, right: ast.AST, text: str) -> tuple[int, int]:
        """Start and end byte of an operator. Between its operands there are only the operator, brackets and blanks."""
        start = self.source.index(text.encode(), self._span(left)[1], self._span(right)[0])
        return start, start + len(text)

    def _fault(self, start: int, end: int, after: str) -> Fault:
        return Fault(self.path, self.source.count(b"\n", 0, start) + 1, start, end, self.source[start:end].decode(), after)


def live_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except decorators, indices of arrays, sizes of work arrays and formatted text: faults there stop the program or change
    no number."""
    yield node
    skipped = [*getattr(node, "decorator_list", []), *([node.slice] if isinstance(node, ast.Subscript) else [])]
    for child in ast.iter_child_nodes(node):
        scratch = isinstance(child, ast.Call) and ast.unparse(child.func) in ("np.empty", "np.empty_like")
        if child not in skipped and not scratch and not isinstance(child, ast.JoinedStr):
            yield from live_nodes(child)


def grown(value: float) -> str:
    """A number that is larger by about a third, an integer by 1 at least; 1 for 0."""
    if value == 0 or isinstance(value, int):
        return str(value + max(1, int(value * 0.3)))
    return f"{value * 1.3:.6g}"
