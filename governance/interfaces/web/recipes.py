"""Commands that pages show for a first version. Tests run them as they are shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A title and the lines of a shell. TOKEN, RUN_ID and MODEL_FOLDER are the reader's own."""

    title: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def first_version(base_url: str, slug: str, mlflow_name: str) -> tuple[Recipe, Recipe]:
    """Return the ways to register a version of a model: with the MLflow client, and with the client of the product.

    Args:
        base_url: where this installation answers.
        slug: name of the model.
        mlflow_name: its name for MLflow clients.
    """
    return (
        Recipe(
            "With the MLflow client you have; your tracking server stays where it is",
            (
                f"export MLFLOW_REGISTRY_URI={base_url}",
                "export MLFLOW_TRACKING_TOKEN=TOKEN",
                f"""python -c 'import mlflow; mlflow.register_model("runs:/RUN_ID/model", "{mlflow_name}")'""",
            ),
        ),
        Recipe(
            "From a terminal or a pipeline, with the files themselves",
            (
                f"export COUNTERSIGN_URL={base_url}",
                "export COUNTERSIGN_TOKEN=TOKEN",
                f"countersign register {slug} MODEL_FOLDER --metric accuracy=0.93",
            ),
        ),
    )
