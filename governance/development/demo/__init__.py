"""The demonstration: three years of model governance at a bank, made through the services of the product.

Nothing here writes a table. People register models, pipelines register versions, checks examine real files, reviewers
sign with their password. Only the clock is moved, and the checks run without their sandbox, because the processes would
take most of the time.
"""
