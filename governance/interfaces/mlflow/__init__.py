"""MLflow model registry protocol for unmodified clients. Translates requests; contains no rules of its own.

Names, numbers and errors have MLflow's format. Reads are single statements (`governance.selectors.compact_rows`);
writes call `registry.services`, and stages and aliases call `governance.promotions`, so the gate applies here too.
docs/mlflow.md lists every endpoint with its test.
"""
