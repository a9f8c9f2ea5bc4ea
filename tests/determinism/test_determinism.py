"""One digest for each golden epoch, whatever the processor's features, threads and library kernels."""

from __future__ import annotations

import numpy as np
import pytest

from determinism import golden, matrix
from risk.exact.uniforms import latin_hypercube


def test_golden_epochs_are_as_pinned_here() -> None:
    assert not matrix.differing(golden.digests())


@pytest.mark.parametrize("name", ["no dispatch, 1 thread, Haswell", "all features, 3 threads"])
def test_golden_epochs_are_as_pinned_in_other_settings(name: str) -> None:
    assert not matrix.differing(matrix.found(matrix.short()[name]))


def test_settings_reach_the_process() -> None:
    with pytest.raises(RuntimeError, match="TAILPROOF_THREADS is 'none'"):
        matrix.found({"TAILPROOF_THREADS": "none"})


def test_a_last_bit_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a uniform, which rounding of a return to 10**-9 hides nearly always."""
    monkeypatch.setattr(golden.monte_carlo, "latin_hypercube",
                        lambda *arguments: np.nextafter(latin_hypercube(*arguments), 1))
    assert [name for name in matrix.differing(golden.digests()) if "monte-carlo" in name] == \
        [name for name in sorted(golden.MODELS) if "monte-carlo" in name]


def test_every_estimator_and_family_is_there() -> None:
    from risk.models.model import Estimator
    text = b"".join(golden.MODELS.values()).decode()
    for name in (*Estimator, "ewma", "garch", "gjr", "normal", "skew-t", "static", "cdcc", "gaussian", "grouped-t"):
        assert f'"{name}"' in text
    assert set(matrix.pinned()) == set(golden.cases())
    assert len(matrix.pinned()) >= 6

