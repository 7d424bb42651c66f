"""Errors of the HTTP request itself."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

PROTOCOL: Final[dict[str, ProblemType]] = {
    "bad_request": ProblemType(
        "The request could not be read",
        "The request breaks a rule of HTTP, or was cut off before its end.",
        "Send it again, whole; `detail` says what was wrong.",
    ),
    "malformed_json": ProblemType(
        "The body is not acceptable JSON",
        "Bodies are UTF-8 JSON that every reader reads alike (RFC 8259, RFC 7493): no NaN, no integers beyond 2^53-1, "
        "no member twice, no NUL and no lone surrogates in text, at most 32 levels.",
        "Correct what `errors` points at.",
    ),
    "invalid_request": ProblemType(
        "The request has another form than this operation takes",
        "A member is missing, unknown, or of another type. Types are strict: the text “1” is not the number 1.",
        "Correct what `errors` points at; /api/v1/schema describes every operation.",
    ),
    "invalid_input": ProblemType(
        "A value breaks a rule",
        "The form is right, and what it says is not allowed, such as a name in use or a digest of another file.",
        "Correct what `errors` points at.",
    ),
    "invalid_query": ProblemType(
        "The query cannot be read",
        "`q` is written in the query language of the registry, and holds a word or a value it does not have. A filter "
        "that silently did nothing would show too much, so nothing was searched for.",
        "`errors` says where (`offset`, `length`), what may stand there (`allowed`) and what was probably meant; the "
        "page /search/help/ has every word with examples.",
    ),
    "not_found": ProblemType(
        "Page not found",
        "The address is of nothing, or of something you may not see: the answer is the same, so that it tells nothing.",
        "Check the address; ask an owner of the model for a role on it.",
    ),
    "method_not_allowed": ProblemType(
        "The address does not take this method",
        "What is here is not changed or read this way.",
        "Use one of the methods the `Allow` header names.",
    ),
    "unsupported_media_type": ProblemType(
        "The body is of another media type than this operation takes",
        "Documents are `application/json`; files are sent as they are, never as forms.",
        "Set `Content-Type` accordingly.",
    ),
    "length_required": ProblemType(
        "The body's length must be known beforehand",
        "A body that ends where the connection does could have been cut off unnoticed.",
        "Send `Content-Length`.",
    ),
    "too_large": ProblemType(
        "The body is too large",
        "Documents and files have limits; `detail` says which applies.",
        "Send large content as a file of the version.",
    ),
    "too_slow": ProblemType(
        "The request did not arrive in time",
        "A body has to arrive within seconds, at a lowest rate, before it is looked at. Where one address sends many "
        "bodies at once, the oldest unfinished one gives way to a new one.",
        "Send it again; send fewer requests at a time.",
    ),
    "precondition_required": ProblemType(
        "The request must say which revision it is about",
        "Changing what somebody else may have changed meanwhile needs `If-Match` (RFC 6585).",
        "Read the object and send its `ETag` as `If-Match`.",
    ),
    "stale_revision": ProblemType(
        "It was changed since you read it",
        "`If-Match` names another revision than the present one.",
        "Read it again, look at what changed, and repeat what you still want.",
    ),
    "idempotency_key_reused": ProblemType(
        "The idempotency key was used for another request",
        "A key stands for one request; this one has another body or another address.",
        "Make a new key for a new request.",
    ),
    "idempotency_in_progress": ProblemType(
        "The first request with this idempotency key is still being answered",
        "Two requests with one key came at the same time; one of them is being carried out.",
        "Wait as `Retry-After` says and send it again: you get the first one's answer.",
    ),
    "rate_limited": ProblemType(
        "Too many requests",
        "This token made more requests than it may in the time `RateLimit-Policy` names.",
        "Wait as `Retry-After` says. To follow a promotion, use `?wait=25` instead of asking often.",
    ),
    "server_error": ProblemType(
        "Internal error",
        "The fault is in the log under `request_id`. Nothing was changed.",
        "Try again; if it stays, give whoever runs this server the `request_id`.",
    ),
    "unavailable": ProblemType(
        "The database is away or busy",
        "Nothing was changed.",
        "Try again after `Retry-After` seconds.",
    ),
    "rendering_failed": ProblemType(
        "The PDF could not be prepared",
        "Drawing the file failed; `detail` has the reason. The failure is kept for ten minutes.",
        "Read the page or the JSON, which hold all of it, or try again later.",
    ),
    "too_many_renderings": ProblemType(
        "Too many PDF files are being prepared",
        "A person may have five files waiting at a time.",
        "Wait until one of them is done.",
    ),
    "storage_unavailable": ProblemType(
        "The store of files is away or busy",
        "The bucket that files are kept in does not answer. Nothing was changed.",
        "Try again after `Retry-After` seconds.",
    ),
}
