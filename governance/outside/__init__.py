"""Asking other people's servers, as one who trusts none of their answers. Knows no Django and no model."""

from governance.outside.addresses import Forbidden, resolved
from governance.outside.posting import Receipt, post
from governance.outside.server import Answered, Away, NotUnderstood, Server, ServerFault

__all__ = ["Answered", "Away", "Forbidden", "NotUnderstood", "Receipt", "Server", "ServerFault", "post", "resolved"]
