"""`campus collector` as one of several, to be killed; with the defects of the control runs put back.

    python worker_process.py [FAULT ...] -- collector --sites a ...

`one_cursor`: all collectors of a database go by one cursor. `all_sites`: one takes in every site, whatever it owns.
"""

import sys

from campus.cli import main, system
from collector import service


def one_cursor():
    real = system.open_telemetry
    system.open_telemetry = lambda url, data, raw_days, mean_months, journal: real(
        url, data, raw_days, mean_months
    )


def all_sites():
    real = service.filters
    service.filters = lambda sites=(), share=None: real()


if __name__ == "__main__":
    end = sys.argv.index("--")
    for fault in sys.argv[1:end]:
        {"one_cursor": one_cursor, "all_sites": all_sites}[fault]()
    sys.argv[1 : end + 1] = []
    main()
