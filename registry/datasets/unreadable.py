"""The refusal of the forms."""


class DatasetParseError(ValueError):
    """A text is not in the form it is said to be in. `detail` names the rule and the way out, `code` is stable, `field`
    is the part of the input that is at fault ("text", "form", "name")."""

    def __init__(self, code: str, detail: str, field: str = "text") -> None:
        super().__init__(detail)
        self.code, self.detail, self.field = code, detail, field
