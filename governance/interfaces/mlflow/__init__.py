"""The MLflow model registry protocol, for unchanged clients. It translates and decides nothing.

Names, numbers and errors have the form that MLflow gives them. Reads are single queries
(`governance.selectors.compact_rows`); changes go to `registry.services`, stages and aliases to
`governance.promotions`, so the gate applies here, too. docs/mlflow.md lists every endpoint with its test.
"""
