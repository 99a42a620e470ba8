"""Starting in somebody's repository: an application is found, and the first files are written."""
