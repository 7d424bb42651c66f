"""The entry point for granian: Django as a WSGI application behind the limits.

Django's own ASGI handler is not used, because persistent database connections do not work with it.
"""

from __future__ import annotations

from governance.serving.application import Application
from governance.serving.limits import Limits
from governance.wsgi import application as django

application = Application(django, Limits())
