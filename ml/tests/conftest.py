import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread_one_seed():
    """Same numbers, summed in the same order, every time; and no fight over the machine's cores."""
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
