"""Shell commands that register a first version, as pages show them. Tests run them unchanged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A title and shell commands. The user replaces TOKEN, RUN_ID and MODEL_FOLDER."""

    title: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def first_version(base_url: str, slug: str, mlflow_name: str) -> tuple[Recipe, Recipe]:
    """Return the commands to register a version, with the MLflow client and with the product's client.

    Args:
        base_url: URL of this installation.
        slug: name of the model.
        mlflow_name: its name for MLflow clients.
    """
    return (
        Recipe(
            "With your MLflow client; your tracking server does not change",
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
