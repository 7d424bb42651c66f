"""The error of the reference parsers."""


class DatasetParseError(ValueError):
    """A text is not in the named format.

    Attributes:
        detail: the rule and the remedy.
        code: stable code.
        field: the part of the input with the error ("text", "form", "name").
    """

    def __init__(self, code: str, detail: str, field: str = "text") -> None:
        super().__init__(detail)
        self.code, self.detail, self.field = code, detail, field
