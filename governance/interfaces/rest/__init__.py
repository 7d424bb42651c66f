"""REST API v1: translates HTTP requests into calls of services and selectors, and domain errors into problem+json."""
