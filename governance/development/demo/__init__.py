"""The demonstration: a bank's model risk, three years of it, told through the services the product itself offers.

Nothing here writes a table. People register models, pipelines declare versions, checks judge real files, reviewers sign
with their password; only the clock is moved, and the checks run without their sandbox because a thousand processes
would take a minute.
"""
