"""The REST door, v1: translates HTTP into the product's own questions and commands, and refusals into problem+json."""
