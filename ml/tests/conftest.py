import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The same sums in the same order, every time, and no fight over the machine's cores.

    Per module, because fixtures of a module run before those of a test: a reference run made in one would otherwise
    have another thread count than the run it is compared with.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def one_seed():
    """Every test draws the same numbers, whichever ran before it."""
    torch.manual_seed(0)
