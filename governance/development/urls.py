"""All URLs of the product, and the mails that a development installation writes to files."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from governance.development import mails

urlpatterns: list[URLPattern | URLResolver] = [
    path("dev/mail/", mails.mail_list, name="dev-mail"),
    path("dev/mail/<str:name>/", mails.mail_page, name="dev-mail-page"),
    path("dev/mail/<str:name>/html/", mails.mail_html, name="dev-mail-html"),
    path("", include("governance.urls")),
]

handler400 = "governance.urls.handler400"
handler403 = "governance.urls.handler403"
handler404 = "governance.urls.handler404"
handler500 = "governance.urls.handler500"
