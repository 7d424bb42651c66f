"""Errors of the import commands."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

IMPORTS: Final[dict[str, ProblemType]] = {
    "import_only": ProblemType(
        "Only the import records promotions from before governance",
        "The import sets a stage or alias from elsewhere, without an approval here. An officer runs the command.",
        "Request a promotion.",
    ),
    "not_claimed": ProblemType(
        "No import record contains this stage or alias",
        "Only a stage or alias that the source registry reports for the version is taken over.",
        "Request a promotion.",
    ),
    "place_taken": ProblemType(
        "A decision made here is not undone",
        "Another version has the stage or alias by a decision made here. An import does not undo decisions.",
        "Request the promotion of the version that should have it.",
    ),
    "governed_already": ProblemType(
        "The version was already promoted here",
        "It has been promoted here, so its stage in the source registry no longer applies.",
        "Request a promotion.",
    ),
    "not_protected": ProblemType(
        "The alias is not protected",
        "An unprotected alias is set without a promotion, so there is nothing to take over.",
        "Set the alias directly.",
    ),
    "number_taken": ProblemType(
        "The version number is already used here",
        "Versions are imported in the order of their numbers, and no number is used twice.",
        "Import the model under another name, with --prefix, to keep all its numbers.",
    ),
    "ambiguous_policy": ProblemType(
        "Two policies would cover the same target",
        "It would be undefined which one applies.",
        "Change the priority of one of them.",
    ),
    "policies_conflict": ProblemType(
        "Two policies cannot be satisfied together",
        "More than one policy governs the request, and they give one check parameters that no single run satisfies.",
        "Ask an officer to publish a revision that sets the same parameters for the check in both policies.",
    ),
}
