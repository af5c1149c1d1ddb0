"""A network by hand.

A small residual network written by hand and trained for all of the minutes on the training and
validation part: three stages, one-cycle Nesterov SGD at 0.2, batches of 64, weight decay 0.0005,
label smoothing 0.1, channels last, random crops, and for colour images mirror images too (also
averaged over at the test). The width is the largest of 8, 16, 24, 32, 48 and 64 at which a short
timing promises 25 epochs.
"""

# /// script
# dependencies = ["torch==2.13.0", "numpy==2.4.6"]
#
# [tool.versus]
# kinds = ["images"]
# ///

import time

from benchmarks.rivals.contract import Answer, Work, main

WIDTHS, EPOCHS, TIMED = (8, 16, 24, 32, 48, 64), 25, 6


def rival(work: Work) -> Answer:
    """Time the widths, then train one network until the end."""
    import torch

    from benchmarks.rivals import torch_training as training

    torch.set_num_threads(work.threads)
    torch.manual_seed(work.seed)
    data = training.tensors(work)
    hyper = training.Hyper()
    x, y = data.both
    setting = {"stages": 3, "blocks": 1, "kernel": 3, "residual": True, "dropout": 0.0}

    def network(width: int):
        return training.cnn(x.shape[1], data.outputs, setting | {"width": width})

    chosen, looked = WIDTHS[0], time.monotonic()
    for width in WIDTHS:
        # too small a part of the time to matter, and a wider one would take longer still
        if time.monotonic() - looked > 0.03 * 60 * work.minutes:
            break
        batch = (x[: TIMED * hyper.batch], y[: TIMED * hyper.batch])
        timed = network(width)
        training.train(timed, batch, hyper, lambda step, steps: float(step >= 2))  # warm
        begun = time.monotonic()
        training.train(timed, batch, hyper, lambda step, steps: step / TIMED)
        epoch = (time.monotonic() - begun) * len(x) / len(batch[0])
        if width > chosen and EPOCHS * epoch > work.left():
            break
        chosen = width
    torch.manual_seed(work.seed)
    final = network(chosen)
    begun = time.monotonic()
    training.outputs_of(final, x[: training.TEST_BATCH])
    batches = len(data.test[0]) / training.TEST_BATCH
    mirrored = x.shape[1] == 3
    testing = 1 + 1.5 * (1 + mirrored) * batches * (time.monotonic() - begun)
    end = time.monotonic() + work.left() - testing
    count = training.train(final, (x, y), hyper, training.until(end))
    return Answer(training.score(final, data.test, mirrored), f"width {chosen}, {count} epochs")


if __name__ == "__main__":
    main(rival)
