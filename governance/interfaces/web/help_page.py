"""The help page: first steps by role, terms of the product, keyboard shortcuts."""

from __future__ import annotations

from django.http import HttpResponse

from governance.interfaces.web.views import PageRequest, page_view, render_page


@page_view()
def help_page(request: PageRequest) -> HttpResponse:
    """Show the help page; it is the same for every user."""
    return render_page(request, "help.html", {"base_url": f"{request.scheme}://{request.get_host()}"})
