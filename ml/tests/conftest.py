import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Same sums in the same order every time, and no fight over the machine's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
