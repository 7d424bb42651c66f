"""The officers' door: lists, records and commands. Every change is a service call with a reason; no raw edit."""
