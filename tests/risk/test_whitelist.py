"""What an epoch's root is made of uses only arithmetic that has the same bits on every machine.

IEEE 754 fixes + - * / and the square root. Library functions (exp, pow, dot, sum, ...) may differ in the last bit
between processors, kernels and versions; they are refused in all of risk/ but `fitting`, whose output is text that is
published, and `backtests`, whose output nothing is made of. Allowed: + - * /, square root, comparison,
rint, ldexp and frexp, stable argsort, fsum, and our own `risk.exact`. Integers may be summed: in modules that mention
no doubles at all, and in the places listed here, since the syntax does not tell their type.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

RISK = Path(__file__).parent.parent.parent / "risk"
OUTSIDE = ("fitting", "backtests")
"""Rooms whose results are published as text before anything is made of them, or of which nothing is made."""

NUMPY = frozenset("""exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2 power float_power pow square_root cbrt
hypot sin cos tan arcsin arccos arctan arctan2 asin acos atan atan2 sinh cosh tanh arcsinh arccosh arctanh sinc i0
dot vdot vecdot matvec vecmat inner outer matmul einsum tensordot kron convolve correlate linalg fft polynomial
polyfit polyval poly roots interp gradient trapezoid trapz cross sum nansum mean nanmean average var nanvar std nanstd
median nanmedian percentile nanpercentile quantile nanquantile cov corrcoef cumsum nancumsum cumprod nancumprod prod
nanprod ptp histogram argpartition partition piecewise vectorize apply_along_axis""".split())
MATH = frozenset("""fsum sqrt ceil floor trunc isfinite isnan isinf inf nan pi gcd lcm comb isqrt prod ldexp frexp
copysign fabs nextafter ulp""".split())
"""Of the module math; prod multiplies integers here, and in order in any case."""
METHODS = frozenset("sum mean var std dot cumsum prod cumprod trace reduce accumulate reduceat partition".split())
LIBRARIES = frozenset("scipy arch statsmodels pandas statistics cmath sklearn sympy mpmath QuantLib vollib "
                      "pyvinecopulib flint galois".split())
RANDOM = frozenset({"PCG64"})

INTEGERS: dict[str, frozenset[str]] = {
    "risk/epochs/build.py": frozenset({"sum(lightest)"}),
    "risk/epochs/epoch.py": frozenset({"lanes.reshape(len(changes), shape.packs, shape.lanes) @ places"}),
    "risk/exact/shape.py": frozenset({"sum((count for count, _ in runs))", "sum(self.masses)"}),
    "risk/grid/standard_choice.py": frozenset({
        "sum(self.tail.masses)", "((spot != points[0]) | (volatility != points[1])).any(axis=1).sum()",
        "bilinear(nodes, spot[:, u], volatility[:, u], bits) @ at_nodes"}),
    "risk/scenarios/adversary.py": frozenset({
        "target.legs.values[worst].sum(0, dtype=np.int64)", "worst.sum()", "np.maximum(losses - quantile, 0).sum()",
        "masses.sum()", "np.cumsum", "np.partition"}),          # of doubles too, but its k-th value is only one
    "risk/scenarios/matching.py": frozenset({
        "np.gcd.reduce(np.array(masses, np.int64))", "sum(masses)", "over.sum()", "np.partition", "np.cumsum",
        "self._laid[:, :self.count].sum(0, dtype=np.int64)", "int(total) ** 2", "own.sum(0)", "(own * own).sum(0)",
        "(own * own).sum(1)", "(own * own.sum(0)).sum(1)",
        "(self.partition.sizes[:, None] * self._laid[members, :self.count].astype(np.int64)).sum(0)"}),
    "risk/scenarios/scenarios.py": frozenset({
        "(np.abs(self.returns) >= round(bound * RETURN_UNIT)).any(axis=1).sum()"}),
    "risk/valuation/panel.py": frozenset({"np.abs(losses).sum()"}),
    "risk/grid/grid_build.py": frozenset({"changes[rows] @ weights[:, u].T"}),
    "risk/grid/grid_epoch.py": frozenset({"ARITY ** ASSET_DEPTH"}),
    "risk/grid/grid_map.py": frozenset({"weights.sum(axis=-1)"}),
    "risk/margins/grid_margin.py": frozenset({
        "weights @ epoch.changes[row]", "sum(self.standalone)", "sum(addons)", "sum(self.separate)",
        "sum((abs(lots) * int(epoch.amax[row]) for row, lots in positions))"}),
    "risk/cascades/idle.py": frozenset({
        "sum((amount * venue.yearly for amount, venue in zip(self.amounts, venues, strict=True)))",
        "sum(placed.amounts)", "sum((a * b for a, b in zip(row, whole, strict=True)))",
        "sum((a * b for a, b in zip(row, placed.amounts, strict=True)))",
        "sum((a * b for a, b in zip(gain, found, strict=True)), Fraction(0))", "sum(amounts)"}),
    "risk/margins/causes.py": frozenset({"sum(alone)"}),
    "risk/margins/explain.py": frozenset({
        "itertools.accumulate(history.steps.tolist())", "sum(stress.counts(model.stress, total))"}),
    "risk/margins/levels.py": frozenset({"sum((lots * _mark(epoch, row) for row, lots in positions))"}),
    "risk/margins/procyclicality.py": frozenset({"np.partition"}),          # of doubles, but its k-th value is only one
    "risk/margins/scan.py": frozenset({
        "sum((abs(lots) * int((epoch.long if lots >= 0 else epoch.short)[row]) for row, lots in positions))"}),
    "risk/margins/plot.py": frozenset({
        "in_tail.sum()", "sum(weights)", "sum((mass > 0 for mass in found.shortfall.tail_mass))",
        "sum((found.amount(part) for part in rest))", "sum((part.addons for part in rest))"}),
    "risk/stress/outcomes.py": frozenset({
        "sum(column)", "sum(lacking[s])", "sum((1 for amount in lacking[at] if amount))", "sum(lacking[at])",
        "sum(lacking[at][:2])"}),
    "risk/stress/reverse.py": frozenset({
        "sum(column)", "sum((factors.weights[s] for s in breaking))", "sum(factors.weights)"}),
    "risk/market/calendar.py": frozenset({"sum((_weekday(i) in self.weekdays for i in range(rest)))"}),
}
"""Sums and powers of Python integers, int64 or booleans, as `ast.unparse` writes them."""
SUMS = "a sum whose order is not fixed"


def offences(source: str, allowed: frozenset[str] = frozenset()) -> list[str]:
    """Lines and what is wrong there."""
    tree = ast.parse(source)
    whole = not any(map(_double, ast.walk(tree)))
    return [f"{node.lineno}: {ast.unparse(node)}: {why}" for node, why in _found(tree)
            if ast.unparse(node) not in allowed and not (whole and why == SUMS)]


def _double(node: ast.AST) -> bool:
    """Whether it can only be there because of doubles: a literal, a type, a quotient."""
    return (isinstance(node, ast.Constant) and isinstance(node.value, float)) \
        or (isinstance(node, ast.Name) and node.id == "float") \
        or (isinstance(node, ast.Attribute) and node.attr.startswith("float")) \
        or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)) \
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("risk.exact.elementary", "risk.exact.uniforms", "risk.models", "risk.valuation")))


def _found(tree: ast.AST) -> list[tuple[ast.expr | ast.stmt, str]]:
    found = list[tuple[ast.expr | ast.stmt, str]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node, "a library whose bits are its own") for name in node.names
                      if name.name.split(".")[0] in LIBRARIES]
            found += [(node, "numpy is called np, math math: nothing hides here") for name in node.names
                      if name.name.split(".")[0] in ("numpy", "math")
                      and name.asname != {"numpy": "np", "math": None}.get(name.name, "")]
        elif isinstance(node, ast.ImportFrom):
            room = (node.module or "").split(".")[0]
            if room in LIBRARIES:
                found.append((node, "a library whose bits are its own"))
            elif node.module in ("numpy", "math") or (room == "numpy" and node.module != "numpy.typing"):
                found.append((node, "numpy is called np, math math: nothing hides here"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            if node.attr in NUMPY:
                found.append((node, "not fixed by IEEE 754"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "math":
            if node.attr not in MATH:
                found.append((node, "not fixed by IEEE 754"))
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np.random" and node.attr not in RANDOM:
            found.append((node, "not a raw stream of bits"))
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            found.append((node, SUMS))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _literal(node.left):
            found.append((node, "a power: write the product"))
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Pow):
            found.append((node, "a power: write the product"))
        elif isinstance(node, ast.Call):
            found += [(node, why) for why in _calls(node)]
    return found


def _literal(node: ast.expr) -> bool:
    """A whole number: its powers are integers, or exact if it is 2."""
    return isinstance(node, ast.Constant) and (isinstance(node.value, int) or node.value == 2.0)


def _calls(node: ast.Call) -> list[str]:
    why, function = list[str](), node.func
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    if isinstance(function, ast.Name) and function.id == "sum":
        why.append(SUMS)
    if isinstance(function, ast.Name) and function.id == "pow" and len(node.args) < 3:
        why.append("a power: write the product")
    if isinstance(function, ast.Attribute):
        owner = function.value.id if isinstance(function.value, ast.Name) else ""
        if function.attr in METHODS and owner not in ("np", "math"):
            why.append(SUMS)
        if function.attr in ("argsort", "sort") and (function.attr == "argsort" or owner == "np") \
                and not (isinstance(kind := keywords.get("kind"), ast.Constant) and kind.value == "stable"):
            why.append('an order of equals that is not fixed: kind="stable"')
    if "fastmath" in keywords:
        why.append("leave to regroup")
    return why


def modules() -> list[Path]:
    return [path for path in sorted(RISK.rglob("*.py")) if path.relative_to(RISK).parts[0] not in OUTSIDE]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(RISK)))
def test_arithmetic_has_the_same_bits_everywhere(path: Path) -> None:
    found = offences(path.read_text(), INTEGERS.get(f"risk/{path.relative_to(RISK).as_posix()}", frozenset()))
    assert not found, "\n".join(found)


def test_every_exception_is_there() -> None:
    for name, allowed in INTEGERS.items():
        there = {ast.unparse(node) for node, _ in _found(ast.parse((RISK.parent / name).read_text()))}
        assert allowed <= there, f"{name}: {allowed - there}"


@pytest.mark.parametrize("planted", [
    "y = np.exp(x)", "f = np.log1p", "y = np.sum(x)", "y = x.sum(axis=0)", "y = x.mean()", "y = np.linalg.cholesky(x)",
    "y = a @ b", "a @= b", "y = x.dot(w)", "y = np.einsum('ij,j', a, b)", "y = x ** 0.5", "y = x ** n", "x **= 2",
    "y = x ** 2", "y = 0.9 ** n", "y = pow(x, y)", "y = math.exp(x)", "y = math.pow(x, 2)", "y = math.sin(x)",
    "from math import exp", "from numpy import exp", "import numpy", "import math as m", "import numpy.linalg as la",
    "from numpy.linalg import inv", "import scipy.special", "from scipy.stats import norm", "def f():\n    import arch",
    "y = sum(w * x for w, x in pairs)", "i = np.argsort(x)", "i = x.argsort()", "i = np.argsort(x, kind='quicksort')",
    "y = np.add.reduce(x)", "y = np.random.default_rng(1)", "y = np.random.standard_normal(3)",
    "numba.njit(fastmath=True)(f)", "y = np.cumsum(x)", "y = np.average(x)", "y = np.tanh(x)", "y = np.power(x, 3)"])
def test_what_is_planted_is_found(planted: str) -> None:
    assert offences(planted + "\nhalf = 0.5")


@pytest.mark.parametrize("also", ["x = 0.5", "x = a / b", "x: float", "x = np.empty(3, np.float64)", "x /= 2",
                                  "from risk.exact.elementary import exp"])
def test_integers_may_be_summed_where_no_doubles_are(also: str) -> None:
    assert not offences("y = sum(x)\nz = a @ b\nw = x.sum()")
    assert len(offences("y = sum(x)\nz = a @ b\nw = x.sum()\n" + also)) == 3


@pytest.mark.parametrize("fine", [
    "y = a + b * c / d - np.sqrt(e)", "y = math.fsum(x)", "y = 2**50 + 10**k", "y = 2.0**-52", "y = np.rint(x)",
    "i = np.argsort(x, kind='stable')", "y = pow(a, b, p)", "import numpy as np", "import math",
    "from numpy.typing import NDArray", "y = exp(x) + log(x)", "y = np.maximum(x, 0)", "y = np.random.PCG64(1)",
    "m, n = np.frexp(x)", "x.sort()", "y = math.sqrt(math.pi)"])
def test_what_is_allowed_passes(fine: str) -> None:
    assert not offences(fine)
