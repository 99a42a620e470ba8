"""The pages and files that the tool adds to the site of `asv publish`."""
