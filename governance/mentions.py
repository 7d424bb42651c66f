"""Mentions of accounts in comments: `@` and a user name. Pure."""

import re

MAX_MENTIONS = 30
"""Maximum different names that a comment may mention."""

_MENTION = re.compile(r"(?<![\w@.+\-/])@(\w[\w@.+-]{0,149})")
_END_OF_SENTENCE = ".+-@"
_CODE = re.compile(r"(?ms)^[ \t]{0,3}(`{3,}|~{3,}).*?(?:^[ \t]{0,3}\1[`~]*[ \t]*$|\Z)|(`+)(?!`).+?(?<!`)\2(?!`)")


def mentions_in(text: str) -> list[tuple[int, int, str]]:
    """Return the mentions in a text without markup: start, end, and the name without `@` and final punctuation."""
    found = []
    for match in _MENTION.finditer(text):
        name = match[1].rstrip(_END_OF_SENTENCE)
        if name:
            found.append((match.start(), match.start(1) + len(name), name))
    return found


def names_mentioned(text: str) -> list[str]:
    """Return the different names that a Markdown text mentions, in the order of the text. Code mentions nothing."""
    prose = _CODE.sub(" ", text)
    unique: dict[str, str] = {}
    for _, _, name in mentions_in(prose):
        unique.setdefault(name.casefold(), name)
    return list(unique.values())
