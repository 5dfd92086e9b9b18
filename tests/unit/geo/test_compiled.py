import numba
import pytest

from geo.compiled import compiled


def doubled(number):
    return 2 * number


@pytest.fixture
def nowhere_to_write(monkeypatch):
    plain = numba.njit

    def njit(*functions, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*functions, **options)

    monkeypatch.setattr(numba, "njit", njit)


def test_where_nothing_can_be_kept_it_is_compiled_anew(nowhere_to_write):
    assert compiled(doubled)(21) == 42
