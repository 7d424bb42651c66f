"""Refusals of a request as HTTP."""

from typing import Final

from governance.api.problems.problem_type import Type

PROTOCOL: Final[dict[str, Type]] = {
    "bad_request": Type(
        "The request could not be read",
        "The request breaks a rule of HTTP, or was cut off before its end.",
        "Send it again, whole; `detail` says what was wrong.",
    ),
    "malformed_json": Type(
        "The body is not acceptable JSON",
        "Bodies are UTF-8 JSON that every reader reads alike (RFC 8259, RFC 7493): no NaN, no integers beyond 2^53-1, "
        "no member twice, no NUL and no lone surrogates in text, at most 32 levels.",
        "Correct what `errors` points at.",
    ),
    "invalid_request": Type(
        "The request has another form than this operation takes",
        "A member is missing, unknown, or of another type. Types are strict: the text “1” is not the number 1.",
        "Correct what `errors` points at; /api/v1/schema describes every operation.",
    ),
    "invalid_input": Type(
        "A value breaks a rule",
        "The form is right, and what it says is not allowed, such as a name in use or a digest of another file.",
        "Correct what `errors` points at.",
    ),
    "invalid_query": Type(
        "The query cannot be read",
        "`q` is written in the query language of the registry, and holds a word or a value it does not have. A filter "
        "that silently did nothing would show too much, so nothing was searched for.",
        "`errors` says where (`offset`, `length`), what may stand there (`allowed`) and what was probably meant; the "
        "page /search/help/ has every word with examples.",
    ),
    "not_found": Type(
        "Page not found",
        "The address is of nothing, or of something you may not see: the answer is the same, so that it tells nothing.",
        "Check the address; ask an owner of the model for a role on it.",
    ),
    "method_not_allowed": Type(
        "The address does not take this method",
        "What is here is not changed or read this way.",
        "Use one of the methods the `Allow` header names.",
    ),
    "unsupported_media_type": Type(
        "The body is of another media type than this operation takes",
        "Documents are `application/json`; files are sent as they are, never as forms.",
        "Set `Content-Type` accordingly.",
    ),
    "length_required": Type(
        "The body's length must be known beforehand",
        "A body that ends where the connection does could have been cut off unnoticed.",
        "Send `Content-Length`.",
    ),
    "too_large": Type(
        "The body is too large",
        "Documents and files have limits; `detail` says which applies.",
        "Send large content as a file of the version.",
    ),
    "too_slow": Type(
        "The request did not arrive in time",
        "A body has to arrive within seconds, at a lowest rate, before it is looked at. Where one address sends many "
        "bodies at once, the oldest unfinished one gives way to a new one.",
        "Send it again; send fewer requests at a time.",
    ),
    "precondition_required": Type(
        "The request must say which revision it is about",
        "Changing what somebody else may have changed meanwhile needs `If-Match` (RFC 6585).",
        "Read the object and send its `ETag` as `If-Match`.",
    ),
    "stale_revision": Type(
        "It was changed since you read it",
        "`If-Match` names another revision than the present one.",
        "Read it again, look at what changed, and repeat what you still want.",
    ),
    "idempotency_key_reused": Type(
        "The idempotency key was used for another request",
        "A key stands for one request; this one has another body or another address.",
        "Make a new key for a new request.",
    ),
    "idempotency_in_progress": Type(
        "The first request with this idempotency key is still being answered",
        "Two requests with one key came at the same time; one of them is being carried out.",
        "Wait as `Retry-After` says and send it again: you get the first one's answer.",
    ),
    "rate_limited": Type(
        "Too many requests",
        "This token made more requests than it may in the time `RateLimit-Policy` names.",
        "Wait as `Retry-After` says. To follow a promotion, use `?wait=25` instead of asking often.",
    ),
    "server_error": Type(
        "Internal error",
        "The fault is in the log under `request_id`. Nothing was changed.",
        "Try again; if it stays, give whoever runs this server the `request_id`.",
    ),
    "unavailable": Type(
        "The database is away or busy",
        "Nothing was changed.",
        "Try again after `Retry-After` seconds.",
    ),
    "rendering_failed": Type(
        "The PDF could not be prepared",
        "Drawing the file failed; `detail` has the reason. The failure is kept for ten minutes.",
        "Read the page or the JSON, which hold all of it, or try again later.",
    ),
    "too_many_renderings": Type(
        "Too many PDF files are being prepared",
        "A person may have five files waiting at a time.",
        "Wait until one of them is done.",
    ),
    "storage_unavailable": Type(
        "The store of files is away or busy",
        "The bucket that files are kept in does not answer. Nothing was changed.",
        "Try again after `Retry-After` seconds.",
    ),
}
