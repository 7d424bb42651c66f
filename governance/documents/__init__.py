"""The technical document of a version: registry data in the structure of a regulation, with a list of what is missing.

It is built as data; pages, REST and PDF render that data.
"""
