"""Errors of the import commands."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

IMPORTS: Final[dict[str, ProblemType]] = {
    "import_only": ProblemType(
        "Only the import records what was promoted before governance",
        "It puts a version where it stood elsewhere, approved by nobody here; a named officer runs the import command.",
        "Ask for a promotion.",
    ),
    "not_claimed": ProblemType(
        "No import record says so",
        "A place that no source claims for the version is not taken over.",
        "Ask for a promotion.",
    ),
    "place_taken": ProblemType(
        "What was decided here stays",
        "Another version holds the place by a decision taken here, and an import undoes none.",
        "Ask for the promotion of the version that is to stand there.",
    ),
    "governed_already": ProblemType(
        "The version's place is decided here",
        "It has been promoted here, so what it was elsewhere no longer counts.",
        "Ask for a promotion.",
    ),
    "not_protected": ProblemType(
        "The alias is free",
        "A free alias is pointed without a promotion, so there is nothing to take over.",
        "Set it as any alias is set.",
    ),
    "number_taken": ProblemType(
        "The version number was used here",
        "Versions are brought in the order of their numbers, and no number is used twice.",
        "Bring the model under another name, with --prefix, to keep all its numbers.",
    ),
    "ambiguous_policy": ProblemType(
        "Two policies would cover the same target",
        "Which one governs would be left to chance.",
        "Give one of them another priority.",
    ),
    "policies_conflict": ProblemType(
        "Two policies cannot be satisfied together",
        "More than one policy governs the request, and they give one check parameters that no single run satisfies.",
        "Ask an officer to publish a revision that gives both policies the same parameters for the check.",
    ),
}
