"""The number of queries of a page, independent of how long a test runs."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import clock


def count_page_queries(client: Client, path: str) -> int:
    """Return the queries of a page when what a process keeps is there.

    The counts of the navigation are kept for a few seconds. The clock is fixed here, so that they do not end between
    the request that fills them and the one that is measured.
    """
    with clock.freeze(clock.now()):
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
    return len(queries)
