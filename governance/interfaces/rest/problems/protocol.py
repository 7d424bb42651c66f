"""Errors of the HTTP request itself."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

PROTOCOL: Final[dict[str, ProblemType]] = {
    "bad_request": ProblemType(
        "The request could not be read",
        "The request violates HTTP, or was cut off.",
        "Send the complete request again; `detail` describes the error.",
    ),
    "malformed_json": ProblemType(
        "The body is not acceptable JSON",
        "Bodies must be UTF-8 JSON that all parsers interpret alike (RFC 8259, RFC 7493): no NaN, no integers beyond "
        "2^53-1, no duplicate members, no NUL or lone surrogates in text, at most 32 levels.",
        "Correct the places listed in `errors`.",
    ),
    "invalid_request": ProblemType(
        "The request does not match the schema of the operation",
        "A member is missing, unknown, or of another type. Types are strict: the text “1” is not the number 1.",
        "Correct the places listed in `errors`; /api/v1/schema describes every operation.",
    ),
    "invalid_input": ProblemType(
        "A value is not allowed",
        "The request matches the schema, but a value is not allowed, such as a name that is already in use.",
        "Correct the places listed in `errors`.",
    ),
    "invalid_query": ProblemType(
        "The query is invalid",
        "`q` contains a filter or a value that the query language does not have. Ignoring it would return too many "
        "results, so no search was run.",
        "`errors` gives the position (`offset`, `length`), the allowed values (`allowed`) and a suggestion (`meant`); "
        "the page /search/help/ lists all filters with examples.",
    ),
    "not_found": ProblemType(
        "Page not found",
        "The object does not exist, or you may not see it. The error is the same in both cases.",
        "Check the URL, or ask an owner of the model for a role on it.",
    ),
    "method_not_allowed": ProblemType(
        "The URL does not support this method",
        "The object at this URL cannot be read or changed with this method.",
        "Use one of the methods in the `Allow` header.",
    ),
    "unsupported_media_type": ProblemType(
        "The media type of the body is not supported",
        "JSON bodies are `application/json`; files are sent as raw bytes, never as forms.",
        "Set `Content-Type` accordingly.",
    ),
    "length_required": ProblemType(
        "Content-Length is required",
        "Without a length, an incomplete body cannot be detected.",
        "Send `Content-Length`.",
    ),
    "too_large": ProblemType(
        "The body is too large",
        "JSON bodies and files are limited; `detail` gives the limit.",
        "Upload large content as a file of the version.",
    ),
    "too_slow": ProblemType(
        "The request did not arrive in time",
        "A body must arrive within seconds, at a minimum rate. If one address sends many bodies at once, the oldest "
        "unfinished one is cancelled.",
        "Send it again; send fewer requests at a time.",
    ),
    "precondition_required": ProblemType(
        "The request must name a revision",
        "Changing an object that others may have changed requires `If-Match` (RFC 6585).",
        "Read the object and send its `ETag` as `If-Match`.",
    ),
    "stale_revision": ProblemType(
        "The object has changed since you read it",
        "`If-Match` names a revision other than the current one.",
        "Read it again, review the changes, and repeat the request if it is still needed.",
    ),
    "idempotency_key_reused": ProblemType(
        "The idempotency key was used for another request",
        "A key identifies one request; this request has another body or URL.",
        "Use a new key for a new request.",
    ),
    "idempotency_in_progress": ProblemType(
        "The first request with this idempotency key is still running",
        "Two requests with the same key arrived at the same time; one of them is being executed.",
        "Wait for `Retry-After` and send it again: you receive the response of the first request.",
    ),
    "rate_limited": ProblemType(
        "Too many requests",
        "This token exceeded the number of requests in `RateLimit-Policy`.",
        "Wait for `Retry-After`. To follow a promotion, use `?wait=25` instead of frequent requests.",
    ),
    "server_error": ProblemType(
        "Internal error",
        "The error is in the server log under `request_id`. Nothing was changed.",
        "Try again; if it persists, give the operator of this server the `request_id`.",
    ),
    "unavailable": ProblemType(
        "The database is unavailable or busy",
        "Nothing was changed.",
        "Try again after `Retry-After` seconds.",
    ),
    "rendering_failed": ProblemType(
        "The PDF could not be prepared",
        "Rendering the file failed; `detail` gives the reason. The failure is cached for ten minutes.",
        "Use the page or the JSON, which have the same content, or try again later.",
    ),
    "too_many_renderings": ProblemType(
        "Too many PDF files are being prepared",
        "A person may have five pending files at a time.",
        "Wait until one of them is finished.",
    ),
    "storage_unavailable": ProblemType(
        "The file store is unavailable or busy",
        "The bucket with the files does not respond. Nothing was changed.",
        "Try again after `Retry-After` seconds.",
    ),
}
