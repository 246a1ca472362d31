"""`benchmark.py sweep`: many runs and what surrounds them."""

from mixupe.benchmark import growth, overhead, quickstart, stacked
from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report


def measure(options: Options, report: Report) -> None:
    """Stacked runs, overhead of runs, then what has nothing to do with a GPU: large tables, the quickstart's memory."""
    stacked.measure(options, report)
    overhead.measure(options, report)
    if options.on_gpu:
        report.leave_out("growth, quickstart_memory", "nothing of it is the GPU's; measured on the CPU")
        return
    growth.measure(options, report)
    quickstart.measure(options, report)
