"""Production signals as values: reports and their rules, health, and readers of the reports of other monitors. Pure."""
