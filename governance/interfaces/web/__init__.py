"""The browser's door: pages, forms and template tags. It translates and never decides."""
