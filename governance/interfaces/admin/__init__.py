"""Admin site for compliance officers: lists, records and actions. Every change is a service call with a reason."""
