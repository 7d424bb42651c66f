"""Django as a WSGI application, called in threads by `governance.serving`.

Django's own ASGI handler is not used, because persistent database connections do not work with it.
"""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

application = get_wsgi_application()
