"""Every test runs torch with one thread: two busy cores would otherwise wait for each other."""

import torch

torch.set_num_threads(1)
