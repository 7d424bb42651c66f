"""The help page: where to begin, by kind of user, the words of the product, and the keyboard shortcuts."""

from __future__ import annotations

from django.http import HttpResponse

from governance.interfaces.web.views import PageRequest, page_view, render_page


@page_view()
def help_page(request: PageRequest) -> HttpResponse:
    """Links and explanations; the same for every reader."""
    return render_page(request, "help.html", {"base_url": f"{request.scheme}://{request.get_host()}"})
