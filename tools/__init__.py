"""Programs for developers and maintainers of this repository. They are not part of the product."""
