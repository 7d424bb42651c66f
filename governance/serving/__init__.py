"""The web server's side of HTTP: what a client may hold, and for how long, before and after a worker thread is used.

granian reads and writes HTTP. The application here (`application`) takes a request's body before a thread is used,
ends requests that arrive too slowly, bounds what one address holds, answers the health checks itself, and sends answers
at the client's pace without a thread. Django runs behind it as the WSGI application it is.
"""
