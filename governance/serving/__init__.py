"""The HTTP side of the web server: limits on clients before and after a worker thread is used.

granian handles HTTP. The application here (`application`) receives a request's body before a thread is used, ends
requests that arrive too slowly, limits the resources of one address, answers health checks itself, and sends responses
at the client's speed without a thread. Django runs behind it as a WSGI application.
"""
