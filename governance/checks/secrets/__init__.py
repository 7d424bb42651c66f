"""Search for keys and passwords in texts: `forms` recognises them in bytes, `texts` reads the files."""
