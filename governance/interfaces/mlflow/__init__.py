"""The MLflow model-registry protocol, for unchanged clients. This door translates; it decides nothing.

Names, numbers and errors are spoken as MLflow speaks them. Reads are single queries (`governance.selectors.compact_rows`);
registry verbs go to `registry.services`, stages and aliases to `governance.promotions`, so the gate stands here, too.
docs/mlflow.md lists every endpoint, by which test it is held, and what differs on purpose.
"""
