"""PostgreSQL and Redis out of wheels, for a clone that has been given no server of its own.

For development and tests only: where ``DATABASE_URL`` or ``REDIS_URL`` is unset, the development and testing settings
call :func:`ensure` and afterwards speak to ordinary sockets. Nothing else knows which servers run.

How it holds together:

- Every process that uses the servers holds a **lease**: a shared lock on ``users.lock``, kept open for its whole life.
  The kernel drops it however the process ends, and children made by fork inherit it.
- One **keeper** process owns both servers. It restarts a server that dies and, once it can lock ``users.lock`` alone,
  knows that nobody is left, stops both in order and ends.
- A keeper killed outright takes its children with it (parent-death signal); the next :func:`ensure` starts a new one.
  :func:`ensure` costs a few milliseconds when all is well, so the database backend calls it before every new
  connection: a long-lived process heals itself.

PostgreSQL refuses to run as root, so under root both servers run as ``nobody``. This package imports the standard
library only: settings import it, and so does the keeper, which is no Django process.
"""

from governance.embedded.leases import ensure, only_one, release, reset
from governance.embedded.servers import SUPERUSER, Addresses, EmbeddedError, addresses, binary

__all__ = ["SUPERUSER", "Addresses", "EmbeddedError", "addresses", "binary", "ensure", "only_one", "release", "reset"]
