"""Embedded PostgreSQL and Redis from wheels, for clones without servers of their own.

For development and tests only: if ``DATABASE_URL`` or ``REDIS_URL`` is unset, the development and testing settings call
:func:`ensure` and then use normal sockets. Nothing else depends on which servers run.

How it works:

- Every process that uses the servers holds a **lease**: a shared lock on ``users.lock``, open until it ends. The kernel
  releases it however the process ends; forked children inherit it.
- One **keeper** process owns both servers. It restarts a server that dies. Once it can lock ``users.lock`` exclusively,
  no lease is left: it stops both servers and ends.
- If the keeper is killed, its children die too (parent-death signal); the next :func:`ensure` starts a new one.
  :func:`ensure` takes a few milliseconds if the servers run, so the database backend calls it before every new
  connection and long-lived processes recover.

PostgreSQL refuses to run as root, so under root both servers run as ``nobody``. This package imports only the standard
library: settings import it, and so does the keeper, which does not use Django.
"""

from governance.embedded.leases import ensure, only_one, release, reset
from governance.embedded.servers import SUPERUSER, Addresses, EmbeddedError, addresses, binary

__all__ = ["SUPERUSER", "Addresses", "EmbeddedError", "addresses", "binary", "ensure", "only_one", "release", "reset"]
