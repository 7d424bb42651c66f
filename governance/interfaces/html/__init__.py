"""Parts of HTML pages that the web interface and the admin site share: labels, forms, error pages, template tags."""
