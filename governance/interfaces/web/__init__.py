"""Web interface: pages, forms and template tags. Contains no rules of its own."""
